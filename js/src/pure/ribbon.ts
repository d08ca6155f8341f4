/** Which tokens a ribbon shows: all where they fit; else identical runs fold, differing words stay. */

import { shortToken } from "./format";

export type Piece =
  | { readonly kind: "token"; readonly index: number }
  | {
      readonly kind: "fold";
      readonly from: number;
      readonly count: number;
      readonly before: boolean;
    };

const CHARACTER = 7.25;
const AROUND = 7;
const FOLD = { prefix: 250, middle: 110 } as const;

export function tokenWidth(token: string): number {
  return Array.from(shortToken(token)).length * CHARACTER + AROUND;
}

/** Tokens that must be seen: the differing ones, the last, the chosen position. */
function needed(
  differs: readonly number[],
  length: number,
  chosen: readonly number[],
): Set<number> {
  const kept = [...differs, length - 1, ...chosen];
  return new Set(kept.filter((i) => i >= 0 && i < length));
}

/** Adds neighbours, nearest to a needed token first and later ones before earlier, while they fit. */
function widened(widths: readonly number[], kept: Set<number>, room: number): Set<number> {
  const distance = (i: number) => Math.min(...[...kept].map((k) => Math.abs(k - i)));
  const rest = widths.map((_, i) => i).filter((i) => !kept.has(i));
  const ranked = rest
    .map((i) => ({ i, far: distance(i) }))
    .sort((a, b) => a.far - b.far || b.i - a.i);
  const shown = new Set(kept);
  let left = room - [...kept].reduce((sum, i) => sum + (widths[i] ?? 0), 0);
  for (const { i } of ranked) {
    left -= widths[i] ?? 0;
    if (left < 0) break;
    shown.add(i);
  }
  return shown;
}

function pieces(
  length: number,
  shown: ReadonlySet<number>,
  firstDiffers: number,
): readonly Piece[] {
  const out: Piece[] = [];
  for (let i = 0; i < length; i++) {
    const last = out.at(-1);
    if (shown.has(i)) out.push({ kind: "token", index: i });
    else if (last?.kind === "fold") out[out.length - 1] = { ...last, count: last.count + 1 };
    else out.push({ kind: "fold", from: i, count: 1, before: i < firstDiffers });
  }
  return out;
}

/** The pieces of all three ribbons (they fold alike, so that the tokens stay above each other). */
export function ribbonOf(
  tokens: readonly (readonly string[])[],
  differs: readonly number[],
  chosen: readonly number[],
  room: number,
): readonly Piece[] {
  const length = tokens[0]?.length ?? 0;
  const widths = Array.from({ length }, (_, i) =>
    Math.max(...tokens.map((run) => tokenWidth(run[i] ?? ""))),
  );
  const total = widths.reduce((a, b) => a + b, 0);
  const all = new Set(widths.map((_, i) => i));
  const firstDiffers = Math.min(...differs, length);
  if (total <= room) return pieces(length, all, firstDiffers);
  const kept = needed(differs, length, chosen);
  const gaps = FOLD.prefix + FOLD.middle * Math.min(2, kept.size);
  return pieces(length, widened(widths, kept, room - gaps), firstDiffers);
}
