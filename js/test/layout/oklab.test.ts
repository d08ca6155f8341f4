import { describe, expect, it } from "vitest";
import { DIVERGING, diverging, hexToOklab, oklabToHex } from "../../src/layout/oklab";
import { towardsClean } from "../../src/model/experiment";

describe("colours", () => {
  it("hits the ends, the stops and the middle of both themes", () => {
    for (const theme of ["light", "dark"] as const) {
      [-1, -0.5, 0, 0.5, 1].forEach((value, i) => {
        expect(diverging(value, theme)).toBe(DIVERGING[theme][i]);
      });
      expect(diverging(7, theme)).toBe(DIVERGING[theme][4]);
      expect(diverging(-7, theme)).toBe(DIVERGING[theme][0]);
    }
  });

  it("knows OKLab's white and grey", () => {
    const [L, a, b] = hexToOklab("#FFFFFF");
    expect(L).toBeCloseTo(1, 5);
    expect(Math.hypot(a, b)).toBeLessThan(1e-4);
    expect(oklabToHex(hexToOklab("#C75300"))).toBe("#C75300");
  });

  it("turns a share towards clean by the direction", () => {
    expect(towardsClean(0.6, "denoise")).toBe(0.6);
    expect(towardsClean(0.6, "noise")).toBe(-0.6);
  });
});
