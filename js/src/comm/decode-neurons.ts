/** Decodes the `neurons` message. */

import type { NeuronList } from "../model/neurons";
import { count, Fields, listOf, maybeNumber, shownText } from "./validate";

export function decodeNeurons(value: unknown): NeuronList {
  const f = new Fields(value, "neurons");
  const neuron = (item: unknown, where: string) => {
    const of = new Fields(item, where);
    return {
      site: of.get("site", shownText),
      effect: of.get("effect", maybeNumber),
      share: of.get("share", maybeNumber),
    };
  };
  return { of: f.get("of", count), neurons: f.get("neurons", listOf(neuron)) };
}
