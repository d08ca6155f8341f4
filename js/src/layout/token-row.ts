/** Which tokens a row shows: all where they fit; otherwise identical tokens fold and differing ones stay. */

import { range } from "../model/math";
import { shortLength, shortToken } from "../text/tokens";

export type TokenPiece =
  | { readonly kind: "token"; readonly index: number }
  | {
      readonly kind: "fold";
      readonly from: number;
      readonly count: number;
      readonly before: boolean;
    };

const CHARACTER = 7.25;

const AROUND = 7;

const TRIED = 160;

const FOLD = { prefix: 218, middle: 112 } as const;

/** How many characters of a token a row shows; of a differing one, all that people may need. */
function longest(differs: boolean): number {
  return differs ? 80 : 22;
}

/** A token as the row shows it. */
export function rowToken(token: string, differs: boolean): string {
  return shortToken(token, longest(differs));
}

export function tokenWidth(token: string, differs = false): number {
  return shortLength(token, longest(differs)) * CHARACTER + AROUND;
}

/** Tokens that are always shown: the differing ones, the last, the selected position. */
function needed(
  differs: readonly number[],
  length: number,
  marked: readonly number[],
): Set<number> {
  const kept = [...differs, length - 1, ...marked];
  return new Set(kept.filter((i) => i >= 0 && i < length));
}

function pieces(
  length: number,
  shown: ReadonlySet<number>,
  firstDiffers: number,
): readonly TokenPiece[] {
  const out: TokenPiece[] = [];
  for (let i = 0; i < length; i++) {
    const last = out.at(-1);
    if (shown.has(i)) out.push({ kind: "token", index: i });
    else if (last?.kind === "fold") out[out.length - 1] = { ...last, count: last.count + 1 };
    else out.push({ kind: "fold", from: i, count: 1, before: i < firstDiffers });
  }
  return out;
}

function widthOf(all: readonly TokenPiece[], widths: readonly number[]): number {
  const one = (piece: TokenPiece) =>
    piece.kind === "token" ? (widths[piece.index] ?? 0) : FOLD[piece.before ? "prefix" : "middle"];
  return all.reduce((sum, piece) => sum + one(piece), 0);
}

/** The other tokens: those nearest to a needed one first, earlier before later. */
function ranked(length: number, kept: ReadonlySet<number>): readonly number[] {
  const marks = [...kept];
  const far = (i: number) => Math.min(...marks.map((k) => Math.abs(k - i)));
  const rest = range(length).filter((i) => !kept.has(i));
  const ranks = rest.map((i) => ({ i, far: far(i) }));
  return ranks.sort((a, b) => a.far - b.far || a.i - b.i).map(({ i }) => i);
}

/** Adds tokens while they fit. Only the nearest are tried, so that a long prompt costs little. */
function widened(widths: readonly number[], kept: Set<number>, first: number, room: number) {
  let shown = kept;
  let width = widthOf(pieces(widths.length, shown, first), widths);
  const tried = ranked(widths.length, kept).slice(0, TRIED);
  // Twice: a token that had no room may later be all that a fold would hide, and narrower than it.
  for (const i of [...tried, ...tried]) {
    if (shown.has(i)) continue;
    const more = new Set(shown).add(i);
    const wider = widthOf(pieces(widths.length, more, first), widths);
    if (wider > room && wider > width) continue;
    shown = more;
    width = wider;
  }
  return shown;
}

/** The width of every token, the same in all rows, so that columns line up. */
export function tokenWidths(
  tokens: readonly (readonly string[])[],
  differs: readonly number[],
): readonly number[] {
  return (tokens[0] ?? []).map((_, i) =>
    Math.ceil(Math.max(...tokens.map((run) => tokenWidth(run[i] ?? "", differs.includes(i))))),
  );
}

/** The pieces of the rows of all three lanes; they fold alike. */
export function tokenPieces(
  widths: readonly number[],
  differs: readonly number[],
  marked: readonly number[],
  room: number,
): readonly TokenPiece[] {
  const length = widths.length;
  const total = widths.reduce((a, b) => a + b, 0);
  const all = new Set(widths.map((_, i) => i));
  const first = Math.min(...differs, length);
  if (total <= room) return pieces(length, all, first);
  const kept = needed(differs, length, marked);
  return pieces(length, widened(widths, kept, first, room), first);
}
