/** Decodes what messages say about the pairs of a dataset. */

import type { PairText } from "../model/experiment";
import type { OverPairs } from "../model/result";
import { decodeReading } from "./decode-reading";
import { DecodeError, Fields, listOf, maybeNumber, messageOr, shownText } from "./validate";

export function decodeOverPairs(value: unknown, where: string): OverPairs {
  const f = new Fields(value, where);
  const numbers = (name: string) => f.get(name, listOf(maybeNumber));
  const [each, effect, share] = [numbers("value"), numbers("effect"), numbers("share")];
  const recovery = numbers("recovery");
  if ([effect, share, recovery].some((other) => other.length !== each.length))
    throw new DecodeError(`${where}: expected ${each.length} pairs in each list`);
  return {
    mean: f.get("mean", decodeReading),
    low: f.get("low", maybeNumber),
    high: f.get("high", maybeNumber),
    no_interval: f.get("no_interval", messageOr(null)),
    value: each,
    effect,
    share,
    recovery,
  };
}

export function decodePairText(value: unknown, where: string): PairText {
  const f = new Fields(value, where);
  return {
    clean: f.get("clean", shownText),
    answer: f.get("answer", shownText),
    foil: f.get("foil", shownText),
  };
}
