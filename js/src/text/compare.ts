/** A pinned patch beside what is shown, in words; where they cannot be compared, what differs. */

import type { Direction, MetricInfo, ShownPair } from "../model/experiment";
import type { Reading } from "../model/result";
import { effectNumber, percentFine, points } from "./numbers";
import { pairName } from "./pairs";

type Unit = "share" | "effect";

/** What keeps two numbers from being compared. */
export type Mismatch = "direction" | "prompts" | "pair" | "metric";

/** "58.4 %", or "+6.77" where effects are shown or there is no share. */
export function pinNumber(reading: Reading | undefined, unit: Unit, metric: MetricInfo): string {
  const { share = null, effect = null } = reading ?? {};
  if (unit === "share" && share !== null) return percentFine(share);
  return effect === null ? "–" : effectNumber(effect, metric);
}

/** What is shown minus what is pinned; undefined where one of them has no number. */
export function difference(
  pinned: Reading | undefined,
  now: Reading | undefined,
  unit: Unit,
): number | undefined {
  const [a, b] = [pinned?.[unit] ?? null, now?.[unit] ?? null];
  return a === null || b === null ? undefined : b - a;
}

/** "Δ −36.8 points", "Δ −4.27 logits". */
export function differenceText(value: number, unit: Unit, metric: MetricInfo): string {
  if (unit === "share") return `Δ ${points(value)} points`;
  return `Δ ${effectNumber(value, metric)}${metric.unit === "" ? "" : ` ${metric.unit}`}`;
}

/** What a pin and what is shown do not have in common: "patched in noise, not in denoise". */
export function mismatchText(
  found: readonly Mismatch[],
  of: {
    readonly direction: Direction;
    readonly shown: Direction;
    readonly pair: ShownPair;
    readonly nPairs: number;
    readonly metric: MetricInfo;
  },
): string {
  const words: Readonly<Record<Mismatch, string>> = {
    direction: `patched in ${of.direction}, not in ${of.shown}`,
    prompts: "patched on other prompts",
    pair: `known for the ${pairName(of.pair, of.nPairs)} only`.replace("the pair", "pair"),
    metric: `has no ${of.metric.label}`,
  };
  return found.map((each) => words[each]).join(", ");
}
