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

  it("recognises everything but one", () => {
    expect(patchName(at("L1.H0", "L1.H1", "L1.H3"), model)).toBe("all heads of L1 but H2");
    expect(patchName(at("L1.H0@-1", "L1.H1@-1", "L1.H3@-1"), model)).toBe(
      "all heads of L1 but H2 @-1",
    );
    expect(patchName(at("L0.mlp_out", "L2.mlp_out"), model)).toBe("all mlp_out but L1's");
  });

  it("finds the lane that a source names", () => {
    const patch = (source: Patch["source"]): Patch => ({ site: "L1.H0", source });
    expect(sourceLane(patch("source"), "denoise")).toBe("clean");
    expect(sourceLane(patch("source"), "noise")).toBe("corrupted");
    expect(sourceLane(patch("host"), "denoise")).toBe("corrupted");
    expect(sourceLane(patch("clean"), "noise")).toBe("clean");
  });
});
