import { describe, expect, it } from "vitest";
import { decodeGrid } from "../../src/comm/grids";
import { movementAt } from "../../src/model/reach";

const floats = (...values: number[]) => new DataView(Float32Array.from(values).buffer);

const spec = { dtype: "float32", shape: [3, 2] };

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
