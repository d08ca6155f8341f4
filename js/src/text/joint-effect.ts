/** A joint patch against its parts, in one sentence. */

import type { MetricInfo } from "../model/experiment";
import { notFrozen, type Patch } from "../model/patch";
import type { Reading, Single } from "../model/result";
import { listed } from "./names";
import { effectNumber } from "./numbers";

/** The effect of a joint patch against the sum of its parts. */
export function jointSentence(
  joint: Reading,
  singles: readonly Single[],
  metric: MetricInfo,
): string | undefined {
  const alone = singles.map((s) => s.readings[metric.name]?.effect ?? Number.NaN);
  if (joint.effect === null || alone.length < 2 || alone.some(Number.isNaN)) return undefined;
  const sum = alone.reduce((a, b) => a + b, 0);
  const show = (x: number) => effectNumber(x, metric);
  const parts =
    alone.length <= 3
      ? `${listed(alone.map(show))} (sum ${show(sum)})`
      : `their sum is ${show(sum)}`;
  return `Together ${show(joint.effect)}; alone ${parts}: ${relation(joint.effect, alone, metric.noise_floor)}.`;
}

/** What one patch does when nothing is frozen; undefined where that is not known. */
export function unfrozenSentence(
  patches: readonly Patch[],
  singles: readonly Single[],
  metric: MetricInfo,
): string | undefined {
  const [only, ...more] = notFrozen(patches);
  if (only === undefined || more.length > 0 || patches.length < 2) return undefined;
  const effect = singles.find(({ site }) => site === only.site)?.readings[metric.name]?.effect;
  return effect === undefined || effect === null
    ? undefined
    : `With nothing frozen its effect is ${effectNumber(effect, metric)}.`;
}

/** The most that a part of parts which need each other does alone, of what they do together. */
const LITTLE = 0.25;

function relation(joint: number, alone: readonly number[], floor: number): string {
  const sum = alone.reduce((a, b) => a + b, 0);
  const tolerance = Math.max(0.1 * Math.max(Math.abs(joint), Math.abs(sum)), 2 * floor);
  if (Math.abs(joint - sum) <= tolerance) return "they add up";
  if (Math.abs(joint) <= 0.1 * Math.abs(sum)) return "together they cancel out";
  if (joint * sum < 0) return "they work against each other";
  if (Math.abs(joint) < Math.abs(sum)) return "they overlap";
  const little = alone.every((part) => Math.abs(part) <= LITTLE * Math.abs(joint));
  return little ? "they need each other" : "more than the sum";
}
