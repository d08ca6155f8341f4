/** The numbers of a result for any pair of a dataset, or for the mean. */

import type { ShownPair } from "./experiment";
import type { PairNumbers, PastResult, Reading } from "./result";

/** A metric of a result for a pair; undefined where the result does not have it. */
export function readingOf(
  result: Pick<PastResult, "pair" | "readings" | "over_pairs">,
  metric: string,
  pair: ShownPair,
): Reading | undefined {
  if (result.pair === pair) return result.readings[metric];
  const over = result.over_pairs?.[metric];
  if (over === undefined || pair === "mean") return over?.mean;
  if (pair >= over.value.length) return undefined;
  const at = (numbers: PairNumbers) => numbers[pair] ?? null;
  const { value, effect, share, recovery } = over;
  return {
    value: at(value),
    effect: at(effect),
    share: at(share),
    recovery: at(recovery),
    reason: null,
  };
}
