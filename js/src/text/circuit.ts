/** Circuits in words. */

import type { CircuitFacts } from "../model/circuit";
import { isMade, type Source } from "../model/source";
import { percent } from "./numbers";
import { sourceLabel } from "./source";

export const NO_CIRCUIT =
  "Select heads and MLPs: this panel says what stays of the difference where only they are kept.";

/** "61 %", and "0 %" for what rounds to nothing: here a share need not be told from exactly 0. */
function part(share: number): string {
  return percent(Math.round(share * 100) / 100);
}

/** "Keep only these 5: 61 % of the difference stays (random sets of 5: 2 to 9 %)." */
export function keepSentence({ sites, faithfulness, random }: CircuitFacts): string {
  const n = sites.length;
  const these = n === 1 ? "this one" : `these ${n}`;
  const { low, high } = random;
  const others = n === 1 ? "others alone" : `random sets of ${n}`;
  const band =
    low === null || high === null
      ? ""
      : ` (${others}: ${part(low).replace(" %", "")} to ${part(high)})`;
  return `Keep only ${these}: ${part(faithfulness ?? Number.NaN)} of the difference stays${band}.`;
}

/** What the rest gets: "corrupted", "zero". */
export function restWord(source: Source): string {
  return isMade(source) ? sourceLabel(source) : "corrupted";
}

/** What was done, and what it may be taken to mean. */
export function keepCaption({ sites, completeness, source }: CircuitFacts): string {
  const them = sites.length === 1 ? "it" : "them";
  const done = `The clean prompt, with all other heads and MLPs ${restWord(source)}: 0 % is all of them so, 100 % the whole model.`;
  return completeness === null ? done : `${done} Without ${them}, ${part(completeness)} stays.`;
}

export function curveLabel(total: number): string {
  return `Part of the difference that stays, over how many of ${total} heads are kept, those with the largest effects first`;
}
