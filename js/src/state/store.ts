/** Holds the state and tells the page about every change. */

import { reduce, type StateEvent } from "./reducer";
import { INITIAL, type State } from "./state";

export interface Store {
  readonly state: () => State;
  readonly dispatch: (event: StateEvent) => void;
}

/** Holds the state and calls back after every change. */
export function createStore(changed: (state: State, before: State) => void): Store {
  let state = INITIAL;
  return {
    state: () => state,
    dispatch(event) {
      const before = state;
      state = reduce(state, event);
      if (state !== before) changed(state, before);
    },
  };
}
