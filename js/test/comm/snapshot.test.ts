import { describe, expect, it } from "vitest";
import { decodeSnapshot, encodeSnapshot } from "../../src/comm/snapshot";
import { movementAt } from "../../src/model/reach";
import { decodedResult, decodedScene } from "../fixtures/recorded";

describe("the snapshot", () => {
  it("survives JSON with its reach", () => {
    const saved = JSON.parse(
      JSON.stringify(
        encodeSnapshot({
          scene: decodedScene(),
          result: decodedResult("L23.H3 denoise"),
          maps: {},
          pins: [],
        }),
      ),
    );
    const back = decodeSnapshot(saved);
    expect(back?.scene).toEqual(decodedScene());
    expect(back?.result?.readings).toEqual(decodedResult("L23.H3 denoise").readings);
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
