/** Asking for maps and stopping the sweep that fills them. */

import { wantedSweep } from "../state/maps";
import { askPatch, type Tools } from "./tools";

export function askSweep({ store, kernel }: Tools): void {
  const request = wantedSweep(store.state());
  if (request === undefined) return;
  kernel.sweep(request, (id) =>
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
