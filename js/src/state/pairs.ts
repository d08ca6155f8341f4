/** Which pair of a dataset is meant: by the pointer, by a step. */

import type { ShownPair } from "../model/experiment";
import { selectedPair } from "./selectors";
import type { State } from "./state";

/** "#4" is the pair of a dot under the pointer; undefined if there is none. */
export function hoveredPair({ hover, scene }: Pick<State, "hover" | "scene">): number | undefined {
  if (hover === undefined || !/^#\d{1,9}$/.test(hover)) return undefined;
  const pair = Number(hover.slice(1));
  return pair < (scene?.task.n_pairs ?? 0) ? pair : undefined;
}

/** The pair one step further; undefined at the end. From the mean, the step goes back to the pair before it. */
export function steppedPair(state: State, step: -1 | 1): ShownPair | undefined {
  const count = state.scene?.task.n_pairs ?? 1;
  const pair = selectedPair(state);
  const next = pair === "mean" ? pairBesideMean(state) : pair + step;
  return count > 1 && next >= 0 && next < count ? next : undefined;
}

/** The pair that stands in the stepper beside the mean. */
export function pairBesideMean({ lastPair, scene }: State): number {
  return Math.min(lastPair ?? 0, (scene?.task.n_pairs ?? 1) - 1);
}
