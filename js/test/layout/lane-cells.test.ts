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

  it("goes straight from MLP to MLP", () => {
    const [a, b] = [pageBox(layout, "clean", mlp(26)), pageBox(layout, "patched", mlp(26))];
    expect(arrowPath(layout, "clean", mlp(26))).toBe(`M${a.x + a.w / 2} ${a.y + a.h}V${b.y - 2}`);
    const up = pageBox(layout, "corrupted", mlp(26));
    expect(arrowPath(layout, "corrupted", mlp(26))).toBe(
      `M${up.x + up.w / 2} ${up.y}V${b.y + b.h + 2}`,
    );
  });
});
