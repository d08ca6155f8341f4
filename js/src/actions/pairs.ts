/** Showing another pair of a dataset, or the mean. */

import type { ShownPair } from "../model/experiment";
import { steppedPair } from "../state/pairs";
import { selectedPair } from "../state/selectors";
import { askSweep } from "./sweep";
import { askPatch, set, type Tools } from "./tools";

export interface PairActions {
  /** Shows one pair of a dataset, or the mean. */
  pair(pair: ShownPair): void;
  stepPair(step: -1 | 1): void;
}

/** Asks for the pair's numbers and words, and in the same breath for its maps, so that all of them change together. */
function showPair(tools: Tools, pair: ShownPair): void {
  const state = tools.store.state();
  const count = state.scene?.task.n_pairs ?? 1;
  if (state.editing !== undefined) {
    set(tools.store, { notice: "Run or cancel the edit first." });
    return;
  }
  if (count < 2 || pair === selectedPair(state) || (pair !== "mean" && pair >= count)) return;
  askPatch(tools, { pair });
  askSweep(tools, pair);
}

function stepPair(tools: Tools, step: -1 | 1): void {
  const next = steppedPair(tools.store.state(), step);
  if (next !== undefined) showPair(tools, next);
}

export function pairActions(tools: Tools): PairActions {
  return {
    pair: (pair) => showPair(tools, pair),
    stepPair: (step) => stepPair(tools, step),
  };
}
