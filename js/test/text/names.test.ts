import { describe, expect, it } from "vitest";
import { type Patch, sourceLane } from "../../src/model/patch";
import { patchName } from "../../src/text/names";
import { at, model } from "../fixtures/findings";

describe("names", () => {
  it("lists up to three sites and counts more", () => {
    expect(patchName(at("L1.H0"), model)).toBe("L1.H0");
    expect(patchName(at("L1.H0", "L2.H1", "L0.mlp_out"), model)).toBe(
      "L1.H0, L2.H1 and L0.mlp_out",
    );
    expect(patchName(at("L1.H0", "L2.H1", "L0.mlp_out", "L2.H2"), model)).toBe("4 sites");
  });

  it("recognises everything but a few, of one kind or of several, in all layers", () => {
    const heads = (without: readonly string[]) =>
      [0, 1, 2]
        .flatMap((layer) => [0, 1, 2, 3].map((head) => `L${layer}.H${head}`))
        .filter((site) => !without.includes(site));
    const but = (...without: string[]) => patchName(at(...heads(without)), model);
    expect(but("L1.H2")).toBe("all heads but L1.H2");
    expect(but("L1.H2", "L2.H0")).toBe("all heads but L1.H2 and L2.H0");
    expect(but("L0.H0", "L0.H1", "L0.H2", "L1.H2")).toBe("all heads but 4 of them");
    expect(but()).toBe("all heads");
    expect(patchName(at("L1.H0", "L1.H1", "L1.H3"), model)).toBe("L1.H0, L1.H1 and L1.H3");
    expect(patchName(at("L0.mlp_out@-1", "L2.mlp_out@-1"), model)).toBe(
      "all MLPs but L1.mlp_out @-1",
    );
    expect(patchName(at(...heads(["L1.H2"]), "L0.mlp_out", "L2.mlp_out"), model)).toBe(
      "all heads and MLPs but L1.H2 and L1.mlp_out",
    );
    expect(patchName(at("L0.mlp_out@-1", "L2.mlp_out@3"), model)).toBe(
      "L0.mlp_out@-1 and L2.mlp_out@3",
    );
  });

  it("finds the lane that a source names", () => {
    const patch = (source: Patch["source"]): Patch => ({ site: "L1.H0", source });
    expect(sourceLane(patch("source"), "denoise")).toBe("clean");
    expect(sourceLane(patch("source"), "noise")).toBe("corrupted");
    expect(sourceLane(patch("host"), "denoise")).toBeUndefined();
    expect(sourceLane(patch("clean"), "noise")).toBe("clean");
  });
});
