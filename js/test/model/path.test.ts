import { describe, expect, it } from "vitest";
import { nearestCell } from "../../src/model/cell";
import {
  headsShape,
  isComplete,
  type MapData,
  mapKey,
  mapLook,
  mapRequest,
  positionsShape,
  scoreOf,
} from "../../src/model/map";
import {
  comesAfter,
  headsOfUnit,
  parsePath,
  printPath,
  receiversAt,
  sends,
  wholeSite,
} from "../../src/model/path";
import { cells, request } from "../fixtures/map";

const grouped = { n_heads: 9, n_kv_heads: 3, parallel: false };
const plain = { n_heads: 4, n_kv_heads: 4, parallel: false };

describe("a path", () => {
  it.each(["L20.H0->L23.H3.q", "L20.H0 -> L23.H3.q", " L20.H0 → L23.H3.q "])(
    "is read: %s",
    (text) => {
      const path = parsePath(text);
      expect(path).toEqual({ sender: "L20.H0", receivers: ["L23.H3.q"] });
      expect(path && printPath(path)).toBe("L20.H0->L23.H3.q");
    },
  );

  it.each(["L20.H0", "", "->", "L20.H0->", "->logits"])("is none: %s", (text) => {
    expect(parsePath(text)).toBeUndefined();
  });

  it("stands for the cell of what receives it first", () => {
    expect(nearestCell("L1.H0->L2.H3.q->logits")).toMatchObject({ layer: 2, index: 3 });
    expect(nearestCell("L1.H0->L2.mlp_in")).toMatchObject({ layer: 2, component: "mlp_out" });
    expect(nearestCell("L1.H0->logits")).toBeUndefined();
  });

  it("is part of the total effect of its last receiver, or of its sender", () => {
    const whole = (text: string) => wholeSite(parsePath(text) ?? { sender: "", receivers: [] });
    expect(whole("L20.H0->L23.H3.q")).toBe("L23.H3");
    expect(whole("L20.H0->L23.H3.q@-1")).toBe("L23.H3");
    expect(whole("L20.H0->L23.KV1.k")).toBe("L23.KV1.k");
    expect(whole("L20.H0->L24.mlp_in")).toBe("L24.mlp_out");
    expect(whole("L20.H0@9->logits")).toBe("L20.H0@9");
  });
});

describe("what sends and receives", () => {
  it("sends, if it writes into the stream", () => {
    expect(["L1.H2", "L1.mlp_out", "L1.attn_out@3", "embed", "L1.N7"].every(sends)).toBe(true);
    expect(["L1.resid_post", "L1.H2.q", "L1.KV0.k", "nothing"].some(sends)).toBe(false);
  });

  it("receives in its query, and in the key and value that heads share", () => {
    expect(receiversAt("L23.H3", grouped)).toEqual(["L23.H3.q", "L23.KV1.k", "L23.KV1.v"]);
    expect(receiversAt("L1.H3", plain)).toEqual(["L1.H3.q", "L1.H3.k", "L1.H3.v"]);
    expect(receiversAt("L1.mlp_out", plain)).toEqual(["L1.mlp_in"]);
    expect(receiversAt("L1.resid_post", plain)).toEqual([]);
    expect(headsOfUnit("KV1", grouped)).toEqual([3, 4, 5]);
  });

  it("comes after in the stream: attention before the MLP of its layer, unless they run in parallel", () => {
    expect(comesAfter("L1.H0", "L2.H0.q", false)).toBe(true);
    expect(comesAfter("L1.H0", "L1.H1.q", false)).toBe(false);
    expect(comesAfter("L1.H0", "L1.mlp_in", false)).toBe(true);
    expect(comesAfter("L1.H0", "L1.mlp_in", true)).toBe(false);
    expect(comesAfter("L1.mlp_out", "L1.mlp_in", false)).toBe(false);
    expect(comesAfter("L1.KV0.k", "L1.mlp_in", false)).toBe(true);
    expect(comesAfter("embed", "L0.H0.q", false)).toBe(true);
    expect(comesAfter("L3.mlp_out", "logits", true)).toBe(true);
    expect(comesAfter("logits", "L3.mlp_in", true)).toBe(false);
  });
});

describe("maps of fields", () => {
  it("ask for the heads of a layer where components have heads", () => {
    expect(mapRequest("positions", positionsShape("q", 3))).toEqual({
      name: "positions",
      component: "q",
      over: ["head", "pos"],
      layer: 3,
    });
    expect(mapRequest("positions", positionsShape("resid_mid", 3))).not.toHaveProperty("layer");
  });

  it("are known by their field", () => {
    const key = (field: string) => mapKey(headsShape("z"), request({ field }));
    expect(new Set(["total", "direct", "L2.H1.q"].map(key)).size).toBe(3);
  });

  it("have no path from what comes after the receiver", () => {
    const map = cells({ field: "L2.H0.q", unpatchable: new Set([4, 5]) });
    expect([mapLook(map, 4), mapLook(map, 1)]).toEqual(["beyond", "value"]);
    expect(mapLook({ ...map, field: "total" }, 4)).toBe("unpatchable");
  });

  it("score an estimate by the largest exact effects, once all of these are there", () => {
    const exact = (effect: number[]): MapData =>
      cells({ done: 6, effect, share: effect, unpatchable: new Set([5]) });
    const estimate = cells({ field: "estimate", effect: [0, 9, 1, 7, 2, 0] });
    const score = scoreOf(estimate, exact([0, 5, -4, 3, 0.1, Number.NaN]));
    expect(score).toEqual({ found: 4, of: 4 });
    const many = Array.from({ length: 30 }, (_, i) => i + 1);
    const swapped = many.map((x) => (x > 28 ? x - 28 : x));
    const big = { done: 30, total: 30, unpatchable: new Set<number>() };
    expect(scoreOf(cells({ ...big, effect: swapped }), cells({ ...big, effect: many }))).toEqual({
      found: 8,
      of: 10,
    });
    expect(isComplete(cells())).toBe(false);
    expect(scoreOf(estimate, cells())).toBeUndefined();
  });
});
