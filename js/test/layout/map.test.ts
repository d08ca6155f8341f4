import { describe, expect, it } from "vitest";
import {
  cellAtPoint,
  columnLeft,
  foldedColumns,
  labelledColumns,
  mapBox,
  mapLayout,
} from "../../src/layout/map";

describe("geometry of 3 layers × 2 columns", () => {
  const layout = mapLayout({ rows: 3, columns: 2, room: 300, fold: 0, labels: ["a", "b"] });

  it("puts layers below each other and columns side by side", () => {
    expect([layout.pitch, layout.rowPitch]).toEqual([72, 36]);
    expect(mapBox(layout, 2, 1)).toEqual({ x: 38 + 72, y: 72, w: 70.5, h: 34.5 });
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
    expect(cellAtPoint(layout, 38 + 144, 10)).toBeUndefined();
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
