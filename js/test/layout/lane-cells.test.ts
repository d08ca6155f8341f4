import { describe, expect, it } from "vitest";
import { arrowPath, pageBox } from "../../src/layout/lane-cells";
import { pageLayout } from "../../src/layout/page";
import type { Cell } from "../../src/model/cell";

const head = (layer: number, index: number): Cell => ({ layer, component: "z", index });

const mlp = (layer: number): Cell => ({ layer, component: "mlp_out", index: undefined });

describe("the arrow", () => {
  const layout = pageLayout(1300, { layers: 30, heads: 9 });

  it("leaves the source cell and ends at the patched one, down for denoise and up for noise", () => {
    const end = pageBox(layout, "patched", head(23, 3));
    for (const from of ["clean", "corrupted"] as const) {
      const start = pageBox(layout, from, head(23, 3));
      const path = arrowPath(layout, from, head(23, 3));
      expect(path.startsWith(`M${start.x + start.w} ${start.y + start.h / 2}H`)).toBe(true);
      expect(path.endsWith(`H${end.x + end.w + 1}`)).toBe(true);
    }
  });

  it("stays in the gap beside its layer, from which no other box is crossed", () => {
    const [own, next] = [pageBox(layout, "patched", mlp(26)), pageBox(layout, "patched", mlp(27))];
    const gap = Number(/V[^H]*?Q([\d.]+)/.exec(arrowPath(layout, "clean", mlp(26)))?.[1]);
    expect(gap).toBeGreaterThan(own.x + own.w);
    expect(gap).toBeLessThan(next.x);
  });

  it("takes the gap before the layer to heads in the left half of several columns", () => {
    const large = pageLayout(1300, { layers: 80, heads: 64 });
    const side = (index: number) => {
      const { x } = pageBox(large, "patched", head(3, index));
      return Number(/H([\d.]+)$/.exec(arrowPath(large, "clean", head(3, index)))?.[1]) - x;
    };
    expect(side(0)).toBeLessThan(0);
    expect(side(63)).toBeGreaterThan(0);
  });
});
