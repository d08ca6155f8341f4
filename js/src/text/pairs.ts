/** Pairs of a dataset in words. Pairs are counted from 1, as people do; `w.pair` counts from 0. */

import type { MetricInfo, PairText, ShownPair, TaskInfo } from "../model/experiment";
import { isolated } from "../model/printable";
import type { Reading } from "../model/result";
import { effectNumber, plainNumber } from "./numbers";
import { tokenText, visible } from "./tokens";

/** "pair 4 of 32", "mean of 32 pairs". */
export function pairName(pair: ShownPair, count: number): string {
  return pair === "mean" ? `mean of ${count} pairs` : `pair ${pair + 1} of ${count}`;
}

/** ", pair 4 of 32" or ", mean of 32" behind what is shown; nothing for a task of one pair. */
export function ofPair({
  pair,
  task,
}: {
  readonly pair: ShownPair;
  readonly task: TaskInfo;
}): string {
  if (task.n_pairs < 2) return "";
  return pair === "mean" ? `, mean of ${task.n_pairs}` : `, ${pairName(pair, task.n_pairs)}`;
}

/** What a finding is about: "In pair 4, …", "Over all 32 pairs, …". */
export function pairScope(pair: ShownPair, count: number): string {
  if (count < 2) return "";
  return pair === "mean" ? `Over all ${count} pairs, ` : `In pair ${pair + 1}, `;
}

/** "… gave a drink to → ␣Mary, not ␣John" */
export function pairWords({ clean, answer, foil }: PairText): string {
  const prompt = isolated(visible(clean).replaceAll("␣", " ").trim());
  const not = foil === "" ? "" : `, not ${tokenText(foil)}`;
  return `… ${prompt} → ${tokenText(answer)}${not}`;
}

/** What the pointer over a dot says. */
export function pairPreview(
  pair: number,
  count: number,
  words: PairText | undefined,
  reading: Reading | undefined,
  metric: MetricInfo,
): string {
  const { effect = null, recovery = null } = reading ?? {};
  const numbers =
    reading === undefined
      ? []
      : [
          recovery === null ? "no recovery" : `recovery ${plainNumber(recovery)}`,
          `effect ${effectNumber(effect, metric)}`,
        ];
  const said = [
    pairName(pair, count),
    numbers.join(", "),
    words === undefined ? "" : pairWords(words),
  ];
  return said.filter((part) => part !== "").join(" · ");
}

export const PAIRS_DIFFER = "the words differ from pair to pair: look at one pair";

/** "position 3 of 15", "position S2": where no word can stand over the mean. */
export function placeText(index: number, { places, lengths }: TaskInfo): string {
  const [fewest, most] = lengths;
  const place = places?.[index];
  if (place === "-1") return `the last of ${fewest} to ${most} positions`;
  if (place !== undefined) return `position ${isolated(place)}`;
  return `position ${index} of ${fewest}`;
}
