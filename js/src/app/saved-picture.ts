/** Keeps the last picture with the notebook, and shows it again. */

import { decodeSnapshot, encodeSnapshot } from "../comm/snapshot";
import type { WidgetModel } from "../comm/widget-model";
import type { State } from "../state/state";
import type { Store } from "../state/store";

/** Keeps the last picture on the page's own model; it is never sent. */
export function savePicture(
  model: WidgetModel,
  { scene, result, direction, metric, sweep }: State,
): void {
  if (scene === undefined) return;
  const shown = Object.entries(sweep.maps).filter(([key]) =>
    key.endsWith(` ${direction} ${metric}`),
  );
  model.set("snapshot", encodeSnapshot({ scene, result, maps: Object.fromEntries(shown) }));
}

export function restorePicture(store: Store, model: WidgetModel): void {
  const snapshot = decodeSnapshot(model.get("snapshot"));
  if (snapshot === undefined) return;
  store.dispatch({ type: "scene", scene: snapshot.scene });
  store.dispatch({ type: "sweep", event: { type: "restored", maps: snapshot.maps } });
  if (snapshot.result !== undefined) store.dispatch({ type: "result", result: snapshot.result });
}
