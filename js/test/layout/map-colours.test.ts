import { describe, expect, it } from "vitest";
import {
  colourOf,
  mapPaint,
  mapRange,
  palette,
  pixelsOf,
  rangeOf,
} from "../../src/layout/map-colours";
import { DIVERGING } from "../../src/layout/oklab";
import { cells } from "../fixtures/map";

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
