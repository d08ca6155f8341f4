/** Asking for maps and stopping the sweep that fills them. */

import type { ShownPair } from "../model/experiment";
import { missingMaps, sweepOf, wantedSweep } from "../state/map-requests";
import { askPatch, type Tools } from "./tools";

/** Asks for the maps that are shown, without those that are known; of another pair, before it is shown. */
export function askSweep({ store, kernel }: Tools, pair?: ShownPair): void {
  const state = store.state();
  const request = pair === undefined ? wantedSweep(state) : sweepOf(state, pair);
  if (request === undefined) return;
  const missing = missingMaps(store.state(), request);
  // Another field is told to the kernel, whose trait follows, even where its maps are known.
  const isTold = store.state().sweep.request?.field === request.field;
  if (missing.length === 0 && isTold) {
    store.dispatch({ type: "sweep", event: { type: "known", request } });
    return;
  }
  const maps = missing.length === 0 ? request.maps : missing;
  kernel.sweep({ ...request, maps }, (id) =>
    store.dispatch({ type: "sweep", event: { type: "asked", id, request } }),
  );
}

/** `cancel` ends all that the kernel does, so a pending patch is asked for again. */
export function stopSweep(tools: Tools): void {
  const { store, kernel } = tools;
  const { pending } = store.state();
  kernel.cancel();
  store.dispatch({ type: "sweep", event: { type: "stopped" } });
  if (pending?.id !== undefined) askPatch(tools, pending.request, pending.cursor);
}
