/** Holds the state and tells the page about every change. */

import { reduce, type StateEvent } from "./reducer";
import { INITIAL, type State } from "./state";

export interface Store {
  readonly state: () => State;
  readonly dispatch: (event: StateEvent) => void;
  /** Changes the state, of which the page is told later: by `tell`, or before whatever is dispatched next. */
  readonly note: (event: StateEvent) => void;
  readonly tell: () => void;
}

/** Holds the state and calls back after every change. */
export function createStore(changed: (state: State, before: State) => void): Store {
  let state = INITIAL;
  let told = INITIAL;
  const tell = () => {
    if (state === told) return;
    const before = told;
    told = state;
    changed(state, before);
  };
  const note = (event: StateEvent) => {
    tell();
    state = reduce(state, event);
  };
  return {
    state: () => state,
    note,
    tell,
    dispatch(event) {
      note(event);
      tell();
    },
  };
}
