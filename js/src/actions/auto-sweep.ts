/** Asks for maps by itself: when the page is idle, and after a change of direction, metric or component. */

import { sameSweep } from "../model/map";
import { wantedSweep } from "../state/map-requests";
import { askSweep } from "./sweep";
import type { Tools } from "./tools";

const LATEST = 400;

/** Calls back after the next paint, when the page has nothing else to do. */
function whenIdle(act: () => void): () => void {
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

interface AutoSweep {
  readonly consider: () => void;
  readonly dispose: () => void;
}

export function createAutoSweep(tools: Tools): AutoSweep {
  let waiting: (() => void) | undefined;
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
