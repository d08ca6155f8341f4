import { describe, expect, it } from "vitest";
import { type TokenPiece, tokenPieces, tokenWidth, tokenWidths } from "../../src/layout/token-row";

describe("token rows", () => {
  const words = (n: number) => Array.from({ length: n }, (_, i) => ` w${i}`);
  const widths = (n: number) => tokenWidths([words(n), words(n)], []);
  const tokens = (all: readonly TokenPiece[]) =>
    all.flatMap((p) => (p.kind === "token" ? [p.index] : []));

  it("shows everything that fits", () => {
    expect(tokens(tokenPieces(widths(5), [3], [], 900))).toEqual([0, 1, 2, 3, 4]);
  });

  it("folds the identical prefix and keeps what differs, is selected, or comes last", () => {
    const all = tokenPieces(widths(200), [150], [20], 600);
    expect(tokens(all)).toEqual(expect.arrayContaining([20, 150, 199]));
    expect(all[0]).toEqual({ kind: "fold", from: 0, count: 20, before: true });
    expect(all.at(-2)).toMatchObject({ kind: "fold", before: false });
    const counted = all.reduce((n, p) => n + (p.kind === "token" ? 1 : p.count), 0);
    expect(counted).toBe(200);
  });

  it("never folds a differing token, however little room there is", () => {
    expect(tokens(tokenPieces(widths(9), [2, 6], [], 10))).toEqual([2, 6, 7, 8]);
  });

  it("folds nothing that is narrower than the fold itself", () => {
    const all = tokenPieces(widths(14), [9], [], 488 - 14);
    for (const piece of all) if (piece.kind === "fold") expect(piece.count).toBeGreaterThan(1);
  });

  it("measures a token by what is shown", () => {
    expect(tokenWidth(" a")).toBeCloseTo(2 * 7.25 + 7);
    expect(
      tokenWidths(
        [
          ["a", " b"],
          ["abc", " b"],
        ],
        [0],
      ),
    ).toEqual([29, 22]);
  });
});
