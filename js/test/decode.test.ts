import { describe, expect, it } from "vitest";
import { decode } from "../src/comm/decode";
import { decodeResult } from "../src/comm/decode-result";
import { decodeGrid } from "../src/comm/grids";
import { decodeSnapshot, encodeSnapshot } from "../src/comm/snapshot";
import { furthestMoved, movementAt, reachLook } from "../src/model/reach";
import { bytes, RECORDED, recordedResult } from "./fixtures/recorded";

const floats = (...values: number[]) => new DataView(Float32Array.from(values).buffer);
const spec = { dtype: "float32", shape: [3, 2] };

function result(name: string) {
  const found = recordedResult(name);
  if (found === undefined) throw new Error(`no recording of ${name}`);
  return decodeResult(found.message, found.buffers.map(bytes));
}

function scene() {
  const found = RECORDED.find(({ message }) => message.kind === "scene");
  const message = decode(found?.message, []);
  if (message?.kind !== "scene") throw new Error("no scene");
  return message.scene;
}

describe("buffers", () => {
  it("reads 3 layers × 2 heads row by row", () => {
    const grid = decodeGrid(spec, floats(0, 1, 10, 11, 20, 21), "z.along");
    const reach = { position: 0, grids: { "z.along": grid, "z.size": grid, "z.cos": grid } };
    expect(movementAt(reach, { layer: 2, component: "z", index: 0 })?.along).toBe(20);
    expect(movementAt(reach, { layer: 1, component: "z", index: 1 })?.along).toBe(11);
    expect(
      movementAt(reach, { layer: 0, component: "mlp_out", index: undefined })?.along,
    ).toBeNaN();
  });

  it("reads a view that does not begin at a multiple of four", () => {
    const odd = new Uint8Array(9);
    odd.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    const grid = decodeGrid({ dtype: "float32", shape: [2] }, new DataView(odd.buffer, 1, 8), "x");
    expect([...Array.from(grid.data)]).toEqual([1.5, -2]);
  });

  it("refuses a buffer of another length, and an unknown dtype", () => {
    expect(() => decodeGrid(spec, floats(1, 2), "z.along")).toThrow(
      "z.along: expected 6 × float32, got 8 bytes",
    );
    expect(() => decodeGrid({ ...spec, dtype: "float16" }, floats(1), "z")).toThrow(
      "z.dtype: expected float32 or float64 or int32",
    );
  });
});

describe("what Python really sent", () => {
  it("gives the reference numbers", () => {
    const readings = result("L23.H3 denoise").readings.logit_diff;
    expect(readings?.value).toBeCloseTo(1.2896, 4);
    expect(readings?.recovery).toBeCloseTo(0.5838, 4);
    expect(result("L23.H3 noise").readings.logit_diff?.value).toBeCloseTo(-0.9625, 4);
    expect(result("L23.H3 + L20.H0 denoise").readings.logit_diff?.recovery).toBeCloseTo(0.9848, 4);
  });

  it("says that nothing before the patch moved", () => {
    const { reach } = result("L23.H3 denoise");
    const look = (layer: number, index: number) =>
      reachLook(movementAt(reach, { layer, component: "z", index }));
    expect(look(0, 0)).toBe("zero");
    expect(look(23, 2)).toBe("zero");
    expect(look(29, 5)).toBe("moved");
  });

  it("finds the components that moved furthest", () => {
    const top = furthestMoved(result("L23.H3 denoise"), scene().model, 5);
    expect(top.map((r) => r.site)).toEqual(["L29.H5", "L27.H2", "L29.H7", "L25.H8", "L25.H1"]);
    expect(top[0]?.along).toBeCloseTo(1.26, 2);
  });

  it("decodes every recorded message", () => {
    const kinds = RECORDED.map(({ message, buffers }) => decode(message, buffers.map(bytes))?.kind);
    expect(new Set(kinds)).toEqual(
      new Set(["ack", "scene", "result", "singles", "error", "cells"]),
    );
  });
});

describe("messages", () => {
  it("says what is wrong and where", () => {
    expect(() => decode({ kind: "scene", id: 1 }, [])).toThrow(
      "scene.runs: expected an object, got undefined",
    );
    expect(() => decode([], [])).toThrow("message: expected an object, got a list");
    const found = recordedResult("L23.H3 denoise");
    expect(() => decodeResult({ ...found?.message }, [])).toThrow("z.along has no buffer");
    expect(() => decodeResult({ ...found?.message, direction: "up" }, [])).toThrow(
      "result.direction: expected denoise or noise",
    );
  });

  it("takes null for undefined numbers and leaves unknown kinds alone", () => {
    const undefinedShare = { value: 6.12, effect: 0, share: null, recovery: null, reason: "same" };
    const found = {
      ...recordedResult("L23.H3 denoise")?.message,
      readings: { logit_diff: undefinedShare },
      reach: null,
    };
    expect(decodeResult(found, []).readings.logit_diff).toEqual(undefinedShare);
    expect(decodeResult(found, []).reach).toBeUndefined();
    expect(decode({ kind: "progress", id: 3 }, [])).toBeUndefined();
  });
});

describe("the snapshot", () => {
  it("survives JSON with its reach", () => {
    const saved = JSON.parse(
      JSON.stringify(
        encodeSnapshot({ scene: scene(), result: result("L23.H3 denoise"), maps: {} }),
      ),
    );
    const back = decodeSnapshot(saved);
    expect(back?.scene).toEqual(scene());
    expect(back?.result?.readings).toEqual(result("L23.H3 denoise").readings);
    const cell = { layer: 29, component: "z", index: 5 } as const;
    expect(movementAt(back?.result?.reach, cell)?.along).toBeCloseTo(1.26, 2);
    expect(movementAt(back?.result?.reach, { ...cell, layer: 0 })?.cos).toBeNaN();
  });

  it("is nothing where there is none, and where it cannot be read", () => {
    expect(decodeSnapshot(undefined)).toBeUndefined();
    expect(decodeSnapshot({})).toBeUndefined();
    expect(decodeSnapshot({ scene: { model: 3 } })).toBeUndefined();
  });
});
