import { describe, expect, it } from "vitest";
import { decode } from "../src/comm/decode";
import { decodeMap } from "../src/comm/decode-map";
import { decodeSnapshot, encodeSnapshot } from "../src/comm/snapshot";
import {
  cellAtPoint,
  columnLeft,
  foldedColumns,
  labelledColumns,
  mapBox,
  mapLayout,
} from "../src/layout/map";
import {
  colourOf,
  mapPaint,
  mapRange,
  palette,
  pixelsOf,
  rangeOf,
} from "../src/layout/map-colours";
import { DIVERGING } from "../src/layout/oklab";
import type { MapData, SweepRequest } from "../src/model/map";
import { mapKey, mapLook, mapRequests } from "../src/model/map";
import { NO_SWEEP, reduceSweep, type Sweep } from "../src/state/sweep";
import { cellLabel, sweepSentence, timeLeft } from "../src/text/map-status";
import { sceneMessage } from "./fixtures/kernel";
import { smollm, sweeping } from "./fixtures/worlds";

const floats = (...values: number[]) => new DataView(Float32Array.from(values).buffer);
const spec = (name: string) => ({ name, dtype: "float32", shape: [3, 2] });
const message = {
  ...{ v: 1, kind: "cells", id: 7, name: "heads", component: "z", over: ["layer", "head"] },
  ...{ shape: [3, 2], done: 4, total: 6, zero: 1, exact: true, seconds_left: 2.5 },
  buffers: [spec("share"), spec("effect")],
};
const SHARES = [0, 0.25, -0.5, 1.5, Number.NaN, Number.NaN];
const buffers = [floats(...SHARES), floats(...SHARES.map((share) => share * 4))];
const cells = (change: Partial<MapData> = {}): MapData => ({
  ...decodeMap(message, buffers),
  ...change,
});
const request = (change: Partial<SweepRequest> = {}): SweepRequest => ({
  maps: mapRequests("mlp_out"),
  direction: "denoise",
  metric: "logit_diff",
  ...change,
});
const KEY = mapKey("z", "denoise", "logit_diff");

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

describe("the scale", () => {
  it("is orange, neutral, blue at its ends and its middle, in both themes", () => {
    for (const theme of ["light", "dark"] as const) {
      const ends = [-0.2, 0, 0.2].map((value) => colourOf(value, 0.2, theme));
      expect(ends).toEqual([DIVERGING[theme][0], DIVERGING[theme][2], DIVERGING[theme][4]]);
      expect(colourOf(9, 1, theme)).toBe(DIVERGING[theme][4]);
      expect(palette(theme)).toHaveLength(201);
    }
  });

  it("reaches to 1, or snaps to what holds the largest value", () => {
    expect([[0.04], [-0.06], [0.11], [0.21], [0.51], [3], [Number.NaN], []].map(rangeOf)).toEqual([
      0.05, 0.1, 0.2, 0.5, 1, 1, 0.05, 0.05,
    ]);
  });

  it("does not snap before the map is whole", () => {
    const small = { share: [0.01], effect: [0.01] };
    expect(mapRange(cells(small))).toBe(1);
    expect(mapRange(cells({ ...small, done: 6 }))).toBe(0.05);
  });

  it("is blue towards clean, whichever run is the host", () => {
    const at = (index: number, direction: "denoise" | "noise") =>
      mapPaint(cells(), index, { range: 1, direction, theme: "light" });
    expect(at(1, "denoise")).toMatchObject({ value: 0.25, dash: false, over: false });
    expect(at(1, "noise")).toMatchObject({ value: -0.25, dash: true });
    expect(at(3, "denoise")).toMatchObject({ fill: DIVERGING.light[4], over: true });
    expect(at(3, "noise")).toMatchObject({ fill: DIVERGING.light[0], over: true });
    expect(at(0, "noise")).toMatchObject({ look: "zero", fill: "none" });
  });

  it("paints one pixel a cell and leaves out what has no colour", () => {
    const scale = { range: 1, direction: "denoise", theme: "light" } as const;
    const { width, height, data } = pixelsOf(cells(), 1, scale);
    expect([width, height]).toEqual([1, 3]);
    expect(Array.from(data.slice(4, 8))).toEqual([0x00, 0x5a, 0x92, 255]);
    expect(data[11]).toBe(0);
  });
});

describe("geometry of 3 layers × 2 columns", () => {
  const layout = mapLayout({ rows: 3, columns: 2, room: 300, fold: 0, labels: ["a", "b"] });

  it("puts layers below each other and columns side by side", () => {
    expect([layout.pitch, layout.rowPitch]).toEqual([72, 36]);
    expect(mapBox(layout, 2, 1)).toEqual({ x: 24 + 72, y: 72, w: 70.5, h: 34.5 });
    expect(mapBox(layout, 0, 0, 2).w).toBe(142.5);
  });

  it("finds the cell under a point, and nothing outside", () => {
    for (const [row, column] of [
      [0, 0],
      [2, 1],
      [1, 0],
    ] as const) {
      const box = mapBox(layout, row, column);
      expect(cellAtPoint(layout, box.x + 1, box.y + 1)).toEqual({ row, column });
      expect(cellAtPoint(layout, box.x + box.w + 0.5, box.y + box.h + 0.5)).toEqual({
        row,
        column,
      });
    }
    expect(cellAtPoint(layout, 10, 10)).toBeUndefined();
    expect(cellAtPoint(layout, 24 + 144, 10)).toBeUndefined();
    expect(cellAtPoint(layout, 30, 108)).toBeUndefined();
  });
});

describe.each([
  [399, 30, 9, 0],
  [505, 30, 14, 0],
  [339, 80, 64, 0],
  [505, 30, 200, 195],
  [505, 30, 200, 3],
])("a map of %i px, %i × %i, %i folded", (room, rows, columns, fold) => {
  const labels = Array.from({ length: columns }, (_, i) => `␣word${i}`);
  const layout = mapLayout({ rows, columns, room, fold, labels });

  it("stays inside its room and finds every cell again", () => {
    for (const [row, column] of [
      [0, fold],
      [rows - 1, columns - 1],
    ] as const) {
      const box = mapBox(layout, row, column);
      expect(box.x + box.w).toBeLessThanOrEqual(room + 0.001);
      expect(box.w).toBeGreaterThan(1);
      expect(cellAtPoint(layout, box.x + box.w / 2, box.y + box.h / 2)).toEqual({ row, column });
    }
    expect(layout.plotHeight).toBeLessThanOrEqual(224);
    expect(columnLeft(layout, 0)).toBe(layout.left);
  });

  it("labels the wanted columns first and none over another", () => {
    const shown = labelledColumns(layout, [columns - 1]);
    expect(shown).toContain(columns - 1);
    const gaps = shown.slice(1).map((column, i) => (column - (shown[i] ?? 0)) * layout.pitch);
    expect(Math.min(Number.POSITIVE_INFINITY, ...gaps)).toBeGreaterThanOrEqual(18);
  });
});

it("folds identical tokens only where they are crowded", () => {
  expect(foldedColumns(14, 9, 505)).toBe(0);
  expect(foldedColumns(200, 195, 505)).toBe(195);
  expect(foldedColumns(200, 3, 505)).toBe(0);
  expect(mapLayout({ rows: 30, columns: 200, room: 505, fold: 0, labels: [] }).raster).toBe(true);
  expect(mapLayout({ rows: 30, columns: 200, room: 505, fold: 195, labels: [] }).raster).toBe(
    false,
  );
});

describe("the sweep", () => {
  const run = (...events: Parameters<typeof reduceSweep>[1][]): Sweep =>
    events.reduce(reduceSweep, NO_SWEEP);
  const asked = { type: "asked", id: 7, request: request() } as const;

  it("fills its maps and is done", () => {
    const sweep = run(asked, { type: "map", map: cells() });
    expect(sweep.phase).toBe("running");
    expect(sweep.maps[KEY]?.done).toBe(4);
    const swept = reduceSweep(sweep, { type: "swept", id: 7 });
    expect(swept.phase).toBe("done");
    expect(swept.maps[KEY]?.done).toBe(6);
  });

  it("ignores the cells and the ends of older questions", () => {
    const newer = run(asked, { ...asked, id: 8, request: request({ direction: "noise" }) });
    expect(reduceSweep(newer, { type: "map", map: cells() })).toBe(newer);
    expect(reduceSweep(newer, { type: "dropped", id: 7 })).toBe(newer);
    expect(reduceSweep(newer, { type: "swept", id: 7 })).toBe(newer);
  });

  it("keeps what is done when stopped, and asks again for less than is known in vain", () => {
    const whole = run(asked, { type: "map", map: cells({ done: 6 }) }, { type: "stopped" });
    expect(whole.phase).toBe("stopped");
    const again = reduceSweep(whole, asked);
    expect(reduceSweep(again, { type: "map", map: cells() }).maps[KEY]?.done).toBe(6);
  });

  it("keeps the maps of the other direction", () => {
    const noise = { ...asked, id: 8, request: request({ direction: "noise" }) };
    const both = run(asked, { type: "map", map: cells() }, noise, {
      type: "map",
      map: cells({ id: 8 }),
    });
    expect(Object.keys(both.maps)).toEqual([KEY, mapKey("z", "noise", "logit_diff")]);
  });

  it("forgets everything with another experiment, its question only with the same", () => {
    const done = run(asked, { type: "map", map: cells() }, { type: "swept", id: 7 });
    expect(reduceSweep(done, { type: "new-scene" })).toEqual(NO_SWEEP);
    expect(reduceSweep(done, { type: "same-scene" })).toMatchObject({ request: undefined });
    expect(reduceSweep(done, { type: "same-scene" }).maps).toBe(done.maps);
  });
});

describe("words", () => {
  it("say how far it is", () => {
    expect(sweepSentence("running", undefined, undefined)).toBe(
      "Asked for; it fills while you look.",
    );
    expect(sweepSentence("running", cells(), undefined)).toBe("Exact so far: 4 of 6, 3 s left.");
    expect(sweepSentence("running", cells({ exact: false, secondsLeft: null }), undefined)).toBe(
      "Estimated by gradient; exact so far 4 of 6.",
    );
    expect(sweepSentence("stopped", cells(), undefined)).toBe(
      "Stopped after 4 of 6. The model is unchanged.",
    );
    expect(sweepSentence("failed", cells(), "out of memory")).toBe(
      "No map: out of memory. The model is unchanged.",
    );
  });

  it("say of a whole map what needed no computing, also when another was stopped", () => {
    const whole = cells({ done: 300, total: 300, zero: 126 });
    const said = "Exact: 300 of 300. 126 cells exactly 0, nothing to compute.";
    expect(sweepSentence("done", whole, undefined)).toBe(said);
    expect(sweepSentence("stopped", whole, undefined)).toBe(said);
    expect(sweepSentence("done", { ...whole, zero: 0 }, undefined)).toBe("Exact: 300 of 300.");
  });

  it("are as coarse as the guess of the time, and name each cell", () => {
    expect([0.2, 12.4, 250].map(timeLeft)).toEqual(["1 s", "12 s", "4 min"]);
    expect(cellLabel("L1.H2", "pending", "")).toBe("L1.H2, not yet computed");
    expect(cellLabel("L1.H2", "zero", "0 %")).toBe("L1.H2, exactly 0");
    expect(cellLabel("L1.H2", "value", "58 %")).toBe("L1.H2, 58 %");
  });
});

it("the maps of a saved picture are read back, and nobody is asked for more", () => {
  const found = decode(sceneMessage(sweeping(smollm()), 1), []);
  if (found?.kind !== "scene") throw new Error("no scene");
  expect(found.scene.can_sweep).toBe(true);
  const maps = { [KEY]: cells() };
  const saved = encodeSnapshot({ scene: found.scene, result: undefined, maps });
  const back = decodeSnapshot(JSON.parse(JSON.stringify(saved)));
  expect(back?.scene.can_sweep).toBe(false);
  const { share, effect, ...rest } = back?.maps[KEY] ?? cells();
  expect(Array.from(share)).toEqual(SHARES);
  expect(Array.from(effect)).toHaveLength(6);
  const { share: _share, effect: _effect, ...sent } = cells();
  expect(rest).toEqual(sent);
});
