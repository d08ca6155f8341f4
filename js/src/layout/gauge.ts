/** Where recoveries lie on the gauge, and the dots of a dataset's pairs under it. */

import { clamp } from "../model/math";

export const LOW = -0.2;

export const HIGH = 1.2;

/** Where a recovery lies on the gauge, in percent of its width; clipped at the ends. */
export function gaugePercent(recovery: number): number {
  return ((clamp(recovery, LOW, HIGH) - LOW) / (HIGH - LOW)) * 100;
}

/** The fewest and the most rows of dots, and the height of all. */
const ROWS = { fewest: 3, most: 6 } as const;

const HEIGHT = 15;

/** A little less than the part of the gauge that a dot takes where it is widest. */
const APART = 1.7;

export interface PairDot {
  readonly pair: number;
  readonly recovery: number;
  /** Percent of the gauge's width. */
  readonly left: number;
  /** In pixels. */
  readonly top: number;
}

type Placed = Omit<PairDot, "top">;

/** The row of each dot: side by side where they are apart, else one under the other, at last over each other. */
function rowsOf(dots: readonly Placed[], count: number): readonly number[] {
  const ends: number[] = Array.from({ length: count }, () => Number.NEGATIVE_INFINITY);
  return dots.map(({ left }) => {
    const free = ends.findIndex((end) => left - end >= APART);
    const row = free < 0 ? ends.indexOf(Math.min(...ends)) : free;
    ends[row] = left;
    return row;
  });
}

/** The dots of all pairs that have a recovery. */
export function pairDots(recoveries: readonly (number | null)[]): readonly PairDot[] {
  const dots = recoveries
    .flatMap((recovery, pair) =>
      recovery === null ? [] : [{ pair, recovery, left: gaugePercent(recovery) }],
    )
    .sort((a, b) => a.left - b.left || a.pair - b.pair);
  const rows = rowsOf(dots, ROWS.most);
  const count = Math.max(ROWS.fewest, 1 + Math.max(0, ...rows));
  return dots.map((dot, i) => ({ ...dot, top: ((rows[i] ?? 0) * HEIGHT) / count }));
}

/** The dot nearest to a point; undefined if there is none near it. Dots are small, so that it need not be hit. */
export function dotAt(dots: readonly PairDot[], percent: number, y: number): PairDot | undefined {
  const far = (dot: PairDot) => Math.abs(dot.left - percent) * 3 + Math.abs(dot.top - y);
  let best: PairDot | undefined;
  for (const dot of dots) if (best === undefined || far(dot) < far(best)) best = dot;
  return best !== undefined && Math.abs(best.left - percent) <= 3 * APART ? best : undefined;
}
