import { describe, expect, it } from "vitest";
import { boxOf } from "../../src/layout/lane-cells";
import { axisStep, firstLayerToShow, LANES, layerVisible, pageLayout } from "../../src/layout/page";
import { type Cell, layerCells } from "../../src/model/cell";

const head = (layer: number, index: number): Cell => ({ layer, component: "z", index });

describe("3 layers × 2 heads", () => {
  const layout = pageLayout(1000, { layers: 3, heads: 2 });

  it("puts layers side by side and heads below each other", () => {
    const [a, b, c] = [
      boxOf(layout, "patched", head(0, 0)),
      boxOf(layout, "patched", head(0, 1)),
      boxOf(layout, "patched", head(2, 0)),
    ];
    expect(b.x).toBe(a.x);
    expect(b.y - a.y).toBe(20);
    expect(c.x - a.x).toBeCloseTo(2 * layout.pitch);
    expect(c.y).toBe(a.y);
  });

  it("makes cells as large as 72 × 18 and no larger", () => {
    expect(boxOf(layout, "patched", head(1, 1))).toMatchObject({ w: 72, h: 18 });
  });

  it("keeps the source's and the host's lane slim: their boxes share one row", () => {
    const cell = (component: Cell["component"]) => ({ layer: 1, component, index: undefined });
    for (const lane of ["clean", "corrupted"] as const) {
      expect(layout.lanes[lane].height).toBeLessThan(50);
      expect(boxOf(layout, lane, head(1, 1)).y).toBe(boxOf(layout, lane, cell("mlp_out")).y);
    }
    const full = pageLayout(1000, { layers: 3, heads: 2 }, 0, true);
    expect(boxOf(full, "clean", head(1, 1)).y).toBeLessThan(
      boxOf(full, "clean", cell("mlp_out")).y,
    );
  });

  it("shows every layer", () => {
    expect([layout.first, layout.count]).toEqual([0, 3]);
    expect(layerVisible(layout, 2)).toBe(true);
    expect(layerVisible(layout, 3)).toBe(false);
  });
});

describe.each([
  [1300, 30, 9],
  [900, 30, 9],
  [700, 30, 9],
  [560, 30, 9],
  [560, 4, 4],
  [1300, 80, 64],
  [600, 80, 64],
  [700, 3, 2],
])("at %i px, %i layers × %i heads", (width, layers, heads) => {
  const layout = pageLayout(width, { layers, heads }, 0, true);

  it("keeps every cell of the window inside the lane, and large enough to see", () => {
    for (const lane of LANES) {
      for (const cell of layerCells(layout.first + layout.count - 1, { n_heads: heads })) {
        const box = boxOf(layout, lane, cell);
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.x + box.w).toBeLessThanOrEqual(layout.body + 5);
        expect(box.y + box.h).toBeLessThanOrEqual(layout.lanes[lane].svgHeight);
        expect(box.w).toBeGreaterThanOrEqual(5);
        expect(box.h).toBeGreaterThanOrEqual(2.5);
      }
    }
  });

  it("lets no head overlap another or the next layer", () => {
    const last = boxOf(layout, "patched", head(layout.first, heads - 1));
    const next = boxOf(layout, "patched", head(layout.first + 1, 0));
    expect(last.x + last.w).toBeLessThan(next.x);
    const [a, b] = [boxOf(layout, "patched", head(0, 0)), boxOf(layout, "patched", head(0, 1))];
    expect(a.y + a.h).toBeLessThanOrEqual(b.y);
  });

  it("keeps the lanes in order", () => {
    const { clean, patched, corrupted } = layout.lanes;
    expect(clean.top + clean.height).toBeLessThan(patched.top);
    expect(patched.top + patched.height).toBeLessThan(corrupted.top);
  });
});

describe("large models", () => {
  it("stacks 64 heads as 4 columns of 16", () => {
    const layout = pageLayout(1300, { layers: 80, heads: 64 }, 0, true);
    expect([layout.columns, layout.rows]).toEqual([4, 16]);
    const [a, b] = [boxOf(layout, "clean", head(0, 15)), boxOf(layout, "clean", head(0, 16))];
    expect(b.y).toBeLessThan(a.y);
    expect(b.x).toBeGreaterThan(a.x);
  });

  it("moves the window to a layer outside it, and leaves it where the layer is seen", () => {
    const layout = pageLayout(1300, { layers: 80, heads: 64 }, 10);
    expect(firstLayerToShow(layout, layout.first + 1)).toBe(10);
    const first = firstLayerToShow(layout, 70);
    expect(layerVisible(pageLayout(1300, { layers: 80, heads: 64 }, first), 70)).toBe(true);
    expect(firstLayerToShow(layout, 0)).toBe(0);
  });

  it("does not begin past the last window", () => {
    const layout = pageLayout(1300, { layers: 80, heads: 64 }, 500);
    expect(layout.first + layout.count).toBe(80);
  });
});

it("labels the axis every 1, 2, 5 … layers", () => {
  expect([30, 17, 6, 3, 0.5].map(axisStep)).toEqual([1, 2, 5, 10, 20]);
});
