/** Keeps the last picture with the notebook, and shows it again. */

import { decodeSnapshot, encodeSnapshot } from "../comm/snapshot";
import type { WidgetModel } from "../comm/widget-model";
import type { State } from "../state/state";
import type { Store } from "../state/store";

/** Whether the picture changed, or a sweep came to its end. */
function isNew(state: State, before: State): boolean {
  const { phase } = state.sweep;
  const swept = phase !== before.sweep.phase && phase !== "running";
  const { scene, result, entries } = before;
  return swept || state.scene !== scene || state.result !== result || state.entries !== entries;
}

/** Keeps the last picture on the page's own model; it is never sent. */
export function savePicture(model: WidgetModel, state: State, before: State): void {
  const { scene, result, direction, metric, sweep } = state;
  if (scene === undefined || !isNew(state, before)) return;
  const shown = Object.entries(sweep.maps).filter(([key]) =>
    key.endsWith(` ${direction} ${scene.pair} ${metric}`),
  );
  const pins = state.entries
    .filter(({ pinned }) => pinned)
    .map(({ result: past, note, tokens }) => ({ result: past, note, tokens }));
  model.set("snapshot", encodeSnapshot({ scene, result, maps: Object.fromEntries(shown), pins }));
}

export function restorePicture(store: Store, model: WidgetModel): void {
  const snapshot = decodeSnapshot(model.get("snapshot"));
  if (snapshot === undefined) return;
  store.dispatch({ type: "scene", scene: snapshot.scene });
  if (snapshot.pins.length > 0) store.dispatch({ type: "saved-pins", pins: snapshot.pins });
  store.dispatch({ type: "sweep", event: { type: "restored", maps: snapshot.maps } });
  if (snapshot.result !== undefined) store.dispatch({ type: "result", result: snapshot.result });
}
