import { describe, expect, it } from "vitest";
import { decode } from "../../src/comm/decode";
import { decodeMap } from "../../src/comm/decode-map";
import { decodeSnapshot, encodeSnapshot } from "../../src/comm/snapshot";
import { type MapData, mapLook } from "../../src/model/map";
import { sceneMessage } from "../fixtures/kernel";
import { buffers, cells, floats, KEY, message, SHARES, spec } from "../fixtures/map";
import { smollm, sweeping } from "../fixtures/worlds";

describe("cells of 3 layers × 2 heads", () => {
  it("are read row by row", () => {
    const read = decode(message, buffers);
    if (read?.kind !== "cells") throw new Error("not cells");
    expect(read.map).toMatchObject({ id: 7, rows: 3, columns: 2, across: "head", zero: 1 });
    expect(Array.from(read.map.share)).toEqual(SHARES);
    expect(read.map.effect[3]).toBe(6);
    expect(read.map.secondsLeft).toBe(2.5);
  });

  it("are refused when they are not what they say", () => {
    expect(() => decodeMap(message, [floats(1), floats(1)])).toThrow("expected 6 × float32");
    expect(() => decodeMap({ ...message, shape: [2, 3] }, buffers)).toThrow(
      "cells.share: expected 2 × 3, got 3 × 2",
    );
    expect(() => decodeMap({ ...message, over: ["layer", "neuron"] }, buffers)).toThrow(
      "cells.over[1]: expected head or pos",
    );
    expect(() => decodeMap({ ...message, buffers: [spec("share")] }, buffers)).toThrow(
      "cells.buffers: effect is missing",
    );
  });

  it("are pending, undefined, exactly zero or a value", () => {
    const looks = (c: MapData) => SHARES.map((_, i) => mapLook(c, i));
    expect(looks(cells())).toEqual(["zero", "value", "value", "value", "pending", "pending"]);
    expect(mapLook(cells({ done: 6 }), 5)).toBe("undefined");
    expect(mapLook(cells({ effect: [1, 1, 1, 1, 1, 1] }), 4)).toBe("undefined");
    expect(mapLook(cells({ effect: [1, 1, 1, 1, 1, 1] }), 0)).toBe("value");
  });
});

it("the maps of a saved picture are read back, and nobody is asked for more", () => {
  const found = decode(sceneMessage(sweeping(smollm()), 1), []);
  if (found?.kind !== "scene") throw new Error("no scene");
  expect(found.scene.can_sweep).toBe(true);
  const maps = { [KEY]: cells() };
  const saved = encodeSnapshot({ scene: found.scene, result: undefined, maps, pins: [] });
  const back = decodeSnapshot(JSON.parse(JSON.stringify(saved)));
  expect(back?.scene.can_sweep).toBe(false);
  const { share, effect, ...rest } = back?.maps[KEY] ?? cells();
  expect(Array.from(share)).toEqual(SHARES);
  expect(Array.from(effect)).toHaveLength(6);
  const { share: _share, effect: _effect, ...sent } = cells();
  expect(rest).toEqual(sent);
});
