/** Where the points of a curve of faithfulness lie: how many are kept to the right, on a logarithmic scale. */

import type { CurvePoint } from "../model/circuit";
import { clamp } from "../model/math";

export const CURVE = { width: 280, height: 120, low: -0.1, high: 1.15 } as const;

export function curveX(n: number, total: number): number {
  return total <= 1 ? 0 : (Math.log(Math.max(1, n)) / Math.log(total)) * CURVE.width;
}

export function curveY(share: number): number {
  const { height, low, high } = CURVE;
  return height * (1 - (clamp(share, low, high) - low) / (high - low));
}

function at(point: CurvePoint, share: number, total: number): string {
  return `${curveX(point.n, total).toFixed(1)} ${curveY(share).toFixed(1)}`;
}

/** The line of faithfulness; points that are undefined are left out. */
export function curveLine(points: readonly CurvePoint[], total: number): string {
  const known = points.flatMap((point) =>
    point.faithfulness === null ? [] : [at(point, point.faithfulness, total)],
  );
  return known.length === 0 ? "" : `M${known.join("L")}`;
}

/** The band of random circuits. */
export function curveBand(points: readonly CurvePoint[], total: number): string {
  const known = points.filter(({ low, high }) => low !== null && high !== null);
  if (known.length === 0) return "";
  const below = known.map((point) => at(point, point.low ?? 0, total));
  const above = known.map((point) => at(point, point.high ?? 0, total)).reverse();
  return `M${[...below, ...above].join("L")}Z`;
}
