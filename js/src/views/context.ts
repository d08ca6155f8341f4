/** What every view gets: the state, where things lie, and what may be done. */

import type { Actions } from "../actions/actions";
import type { PageLayout } from "../layout/page";
import type { Scene } from "../model/experiment";
import type { State } from "../state/state";

export interface Context {
  readonly state: State;
  readonly scene: Scene;
  readonly layout: PageLayout;
  readonly act: Actions;
  readonly id: string;
}

/** Two names of one animation: each result takes the other one, so that it starts again. */
export function waveClass({ state }: Context): string {
  return state.resultCount % 2 === 0 ? "wave-a" : "wave-b";
}
