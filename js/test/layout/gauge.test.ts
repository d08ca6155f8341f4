import { describe, expect, it } from "vitest";
import { dotAt, gaugePercent, pairDots } from "../../src/layout/gauge";

describe("the dots of pairs", () => {
  it("stand at their recovery, and those without one are left out", () => {
    const dots = pairDots([0.5, null, 0, 1]);
    expect(dots.map(({ pair }) => pair)).toEqual([2, 0, 3]);
    expect(dots.map(({ left }) => left)).toEqual([0, 0.5, 1].map(gaugePercent));
    expect(dots.every(({ top }) => top === 0)).toBe(true);
  });

  it("stand one under the other where they would cover each other", () => {
    expect(pairDots([1, 1, 1]).map(({ top }) => top)).toEqual([0, 5, 10]);
    const tops = pairDots([1, 1, 1, 1, 1, 1]).map(({ top }) => top);
    expect(tops).toEqual([0, 2.5, 5, 7.5, 10, 12.5]);
  });

  it("are found by a pointer that is near", () => {
    const dots = pairDots([0.2, 0.2, 0.9]);
    expect(dotAt(dots, gaugePercent(0.21), 5)?.pair).toBe(1);
    expect(dotAt(dots, gaugePercent(0.89), 9)?.pair).toBe(2);
    expect(dotAt(dots, gaugePercent(0.5), 5)).toBeUndefined();
    expect(dotAt([], 10, 0)).toBeUndefined();
  });
});
