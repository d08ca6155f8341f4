/** The ends of a map's colour scale in words: shares of the difference, or effects in the metric's unit. */

import type { Direction, MetricInfo, Prompt, Run } from "../model/experiment";
import { effectNumber, percent } from "./numbers";

export interface ScaleContext {
  readonly unit: "share" | "effect";
  readonly direction: Direction;
  readonly metric: MetricInfo;
  readonly runs: Readonly<Record<Prompt, Run>>;
}

export interface ScaleWords {
  /** What a cell at the orange end and one at the blue end prints. */
  readonly corrupted: string;
  readonly clean: string;
  /** How far the scale reaches, without a sign. */
  readonly range: string;
  /** What the numbers are. */
  readonly unit: string;
}

function signedPercent(share: number): string {
  const text = percent(share);
  return share > 0 ? `+${text}` : text;
}

/** A scale that reaches `range` of the difference between the two runs. */
export function scaleWords(range: number, context: ScaleContext): ScaleWords {
  const { unit, direction, metric, runs } = context;
  const between =
    (runs.clean.values[metric.name] ?? Number.NaN) -
    (runs.corrupted.values[metric.name] ?? Number.NaN);
  if (unit === "share" || !Number.isFinite(between)) {
    const towards = direction === "denoise" ? range : -range;
    return {
      corrupted: signedPercent(-towards),
      clean: signedPercent(towards),
      range: percent(range),
      unit: "of the difference",
    };
  }
  const clean = range * between;
  const size = effectNumber(Math.abs(clean), metric).replace("+", "");
  return {
    corrupted: effectNumber(-clean, metric),
    clean: effectNumber(clean, metric),
    range: metric.unit === "" ? size : `${size} ${metric.unit}`,
    unit: metric.unit,
  };
}
