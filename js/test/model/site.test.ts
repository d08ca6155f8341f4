import { describe, expect, it } from "vitest";
import {
  type Cell,
  cellName,
  everythingBut,
  exactCell,
  layerCells,
  nearestCell,
} from "../../src/model/cell";
import { samePatches } from "../../src/model/patch";
import { atPosition, positionIndex, positionRange, positionText } from "../../src/model/position";
import { parseSite, printSite, withoutPosition } from "../../src/model/site";

describe("sites", () => {
  const canonical = [
    "L9.H6",
    "L9.H6.q",
    "L9.KV2.k",
    "L9.attn_out",
    "L0.mlp_out@3:7",
    "L4.N123",
    "L4.N123.neuron_pre@-1",
    "L2.resid_post.F123@-1",
    "L2.mlp_out.features",
    "L2.resid_pre.error@3:7",
    "embed",
    "L9.H0@S2",
    "L23.H3@-1",
  ];
  it.each(canonical)("%s is printed as it was read", (text) => {
    const site = parseSite(text);
    expect(site).toBeDefined();
    expect(site && printSite(site)).toBe(text);
  });

  it("prints the implied component away", () => {
    expect(withoutPosition("L9.H6.z@4")).toBe("L9.H6");
    expect(withoutPosition("L26.N1262.neuron@-1")).toBe("L26.N1262");
  });

  it.each([
    "",
    "H3",
    "L9",
    "L9.F3",
    "L9.resid_post.F",
    "L9.resid_post.other",
    "L9.",
    "L9.H6@",
    "L.H1",
    "<b>",
    "mlp_out",
  ])("%j is not a site", (text) => {
    expect(parseSite(text)).toBeUndefined();
  });

  it("takes layer 0, head 0 and position 0 for what they are", () => {
    expect(exactCell("L0.H0@0")).toEqual({ layer: 0, component: "z", index: 0 });
    expect(positionRange("L0.H0@0", { clean: ["a", "b"], positions: {} })).toEqual([0, 1]);
    expect(positionIndex(0, { clean: ["a"], positions: {} })).toBe(0);
    expect(atPosition("L0.H0", 0, 3)).toBe("L0.H0@0");
  });

  it("writes the last position as -1", () => {
    expect(positionText(13, 14)).toBe("-1");
    expect(positionText(12, 14)).toBe("12");
    expect(positionText("S2", 14)).toBe("S2");
    expect(positionText("all", 14)).toBeUndefined();
    expect(atPosition("L2.H1@5", "all", 14)).toBe("L2.H1");
  });

  it("reads spans, names and negative positions", () => {
    const task = { clean: ["a", "b", "c", "d", "e"], positions: { S2: 3 } };
    expect(positionRange("L1.H0", task)).toBeUndefined();
    expect(positionRange("L1.H0@S2", task)).toEqual([3, 4]);
    expect(positionRange("L1.H0@-2", task)).toEqual([3, 4]);
    expect(positionRange("L1.H0@1:", task)).toEqual([1, 5]);
    expect(positionRange("L1.H0@1:-1", task)).toEqual([1, 4]);
  });

  it("covers nothing where there is no such position", () => {
    const task = { clean: ["a", "b", "c"], positions: { S2: 1 } };
    for (const at of ["3", "-4", "S3", "constructor", `0:${"9".repeat(5000)}`, "2:1"])
      expect(positionRange(`L1.H0@${at}`, { ...task })).toEqual([3, 3]);
    expect(positionIndex(0.5, task)).toBeUndefined();
    expect(positionIndex(Number.NaN, task)).toBeUndefined();
  });

  it("does not read numbers that no model has", () => {
    expect(parseSite(`L${"9".repeat(5000)}.H1`)).toBeUndefined();
    expect(parseSite(`L1.H${"9".repeat(10)}`)).toBeUndefined();
    expect(parseSite("L999999.N999999999")).toBeDefined();
  });

  it("shows a neuron on its MLP, and knows that it is not the MLP", () => {
    expect(exactCell("L26.N1262")).toBeUndefined();
    expect(nearestCell("L26.N1262@-1")).toEqual({
      layer: 26,
      component: "mlp_out",
      index: undefined,
    });
    expect(nearestCell("L2.H1.q")).toEqual({ layer: 2, component: "z", index: 1 });
  });

  it("shows a feature on its stream", () => {
    expect(exactCell("L2.mlp_out.F7@-1")).toBeUndefined();
    expect(nearestCell("L2.mlp_out.F7@-1")).toEqual({
      layer: 2,
      component: "mlp_out",
      index: undefined,
    });
    expect(nearestCell("L2.resid_pre.F7")?.layer).toBe(1);
    expect(nearestCell("L2.resid_mid.error")).toBeUndefined();
    expect(atPosition("L2.resid_post.F7", 4, 9)).toBe("L2.resid_post.F7@4");
  });

  it("walks a layer from its heads to the stream", () => {
    expect(layerCells(2, { n_heads: 2 }).map(cellName)).toEqual([
      "L2.H0",
      "L2.H1",
      "L2.attn_out",
      "L2.mlp_out",
      "L2.resid_post",
    ]);
  });

  it("names the rest of all components of the kinds in a set, in all layers", () => {
    const model = { n_heads: 3, n_layers: 2 };
    const head = { layer: 1, component: "z", index: 0 } as const;
    const mlp = { layer: 1, component: "mlp_out", index: undefined } as const;
    const names = (...cells: Cell[]) => everythingBut(cells, model)?.map(cellName);
    expect(names(head)).toEqual(["L0.H0", "L0.H1", "L0.H2", "L1.H1", "L1.H2"]);
    expect(names(head, { ...head, layer: 0 })).toEqual(["L0.H1", "L0.H2", "L1.H1", "L1.H2"]);
    expect(names(mlp)).toEqual(["L0.mlp_out"]);
    expect(names(head, mlp)).toEqual(["L0.H0", "L0.H1", "L0.H2", "L0.mlp_out", "L1.H1", "L1.H2"]);
    expect(names({ ...mlp, component: "resid_post" })).toBeUndefined();
  });

  it("compares patches without regard to order, but to source", () => {
    const [a, b] = [
      { site: "L1.H0", source: "source" },
      { site: "L2.H1.z", source: "source" },
    ] as const;
    expect(samePatches([a, b], [{ ...b, site: "L2.H1" }, a])).toBe(true);
    expect(samePatches([a], [{ ...a, source: "host" }])).toBe(false);
  });
});
