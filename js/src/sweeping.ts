/** When maps are asked for: once the page is idle, and again after another direction, metric or component. */

import type { Tools } from "./actions";
import type { Removal } from "./dom/listen";
import { wantedSweep } from "./mapped";
import { sameSweep } from "./sweep";

const LATEST = 400;

/** Calls back after the next paint, when the page has nothing else to do. */
function whenIdle(act: () => void): Removal {
  let idle: number | undefined;
  const timer = setTimeout(() => {
    if (typeof requestIdleCallback !== "function") act();
    else idle = requestIdleCallback(act, { timeout: LATEST });
  }, 50);
  return () => {
    clearTimeout(timer);
    if (idle !== undefined) cancelIdleCallback(idle);
  };
}

export function askSweep({ store, client }: Tools): void {
  const request = wantedSweep(store.state());
  if (request === undefined) return;
  client.sweep(request, (id) =>
    store.dispatch({ type: "sweep", event: { type: "asked", id, request } }),
  );
}

export interface Sweeper {
  readonly consider: () => void;
  readonly dispose: Removal;
}

export function createSweeper(tools: Tools): Sweeper {
  let waiting: Removal | undefined;
  const needed = () => {
    const state = tools.store.state();
    const wanted = wantedSweep(state);
    return wanted !== undefined && !sameSweep(state.sweep.request, wanted);
  };
  return {
    consider: () => {
      if (waiting !== undefined || !needed()) return;
      waiting = whenIdle(() => {
        waiting = undefined;
        if (needed()) askSweep(tools);
      });
    },
    dispose: () => waiting?.(),
  };
}
