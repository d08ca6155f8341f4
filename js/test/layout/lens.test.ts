import { expect, it } from "vitest";
import { boxOf } from "../../src/layout/lane-cells";
import { beadBoxes } from "../../src/layout/lens";
import { pageLayout } from "../../src/layout/page";
import { outputCell } from "../../src/model/cell";

const says = (token: string) => ({ top: [{ token, prob: 0.9 }], answer: null });

it.each([480, 900, 1280, 1800])("at %i px no bead reaches into the names of the rows", (width) => {
  const layout = pageLayout(width, { layers: 4, heads: 4 }, 0, false);
  const [first, second] = beadBoxes(layout, "patched", [
    says("a"),
    says("b"),
    says("b"),
    says("c"),
  ]);
  const column = boxOf(layout, "patched", outputCell(0, "attn_out"));
  expect(first?.x).toBeGreaterThanOrEqual(column.x);
  expect(second?.x).toBeGreaterThanOrEqual((first?.x ?? 0) + (first?.w ?? 0));
  expect(second?.w).toBeGreaterThan(first?.w ?? 0);
});
