/** Readings of values that were recorded: what Python makes of them in `patchwidgets/experiment/reading.py`. */

import type { Direction } from "../model/experiment";

/** What share and recovery of a metric are made of. */
export interface Ends {
  readonly clean: number;
  readonly corrupted: number;
  readonly noise_floor: number;
  /** Why both are undefined; null where they are defined. */
  readonly reason: string | null;
}

export interface Reading {
  readonly value: number | null;
  readonly effect: number | null;
  readonly share: number | null;
  readonly recovery: number | null;
  readonly reason: string | null;
}

const UNKNOWN: Reading = { value: null, effect: null, share: null, recovery: null, reason: null };

function fraction(change: number, distance: number, floor: number): number | null {
  return Math.abs(distance) > floor ? change / distance : null;
}

export function readingOf(value: number, ends: Ends | undefined, direction: Direction): Reading {
  if (ends === undefined || Number.isNaN(value)) return UNKNOWN;
  const { clean, corrupted, noise_floor, reason } = ends;
  const [host, source] = direction === "denoise" ? [corrupted, clean] : [clean, corrupted];
  const effect = value - host;
  const share = fraction(effect, source - host, noise_floor);
  const recovery = fraction(value - corrupted, clean - corrupted, noise_floor);
  return { value, effect, share, recovery, reason };
}

/** The reading of a run that is its host's. */
export function unchanged(ends: Ends | undefined, direction: Direction): Reading {
  const host = direction === "denoise" ? ends?.corrupted : ends?.clean;
  return readingOf(host ?? Number.NaN, ends, direction);
}

/** One metric of every pair, and of their mean with its interval. */
export function overPairs(
  mean: Reading | undefined,
  pairs: readonly (Reading | undefined)[],
  [low, high]: readonly [number, number],
  no_interval: string | null,
) {
  const each = (name: keyof Reading) => pairs.map((reading) => reading?.[name] ?? null);
  return {
    mean,
    low: Number.isNaN(low) ? null : low,
    high: Number.isNaN(high) ? null : high,
    no_interval,
    value: each("value"),
    effect: each("effect"),
    share: each("share"),
    recovery: each("recovery"),
  };
}
