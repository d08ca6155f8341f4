/** The traits that the kernel writes: read here, never written. */

import type { WidgetModel } from "./client";
import type { Removal } from "./dom/listen";
import type { Position } from "./protocol";
import type { Store } from "./state";

function positionOf(value: unknown): Position | undefined {
  return typeof value === "number" || typeof value === "string" ? value : undefined;
}

function readSelection(store: Store, value: unknown): void {
  if (!Array.isArray(value)) return;
  const sites = value.filter((site): site is string => typeof site === "string");
  store.dispatch({ type: "selected", sites });
}

const READERS: Readonly<Record<string, (store: Store, value: unknown) => void>> = {
  selection: readSelection,
  position: (store, value) => {
    const position = positionOf(value);
    if (position !== undefined) store.dispatch({ type: "set", values: { position } });
  },
  direction: (store, value) => {
    if (store.state().pending !== undefined) return;
    if (value === "denoise" || value === "noise") {
      store.dispatch({ type: "set", values: { direction: value } });
    }
  },
  metric: (store, value) => {
    if (store.state().pending !== undefined) return;
    if (typeof value === "string") store.dispatch({ type: "set", values: { metric: value } });
  },
};

export function watchTraits(model: WidgetModel, store: Store): Removal {
  const removals = Object.entries(READERS).map(([name, read]) => {
    const changed = () => read(store, model.get(name));
    model.on(`change:${name}`, changed);
    return () => model.off(`change:${name}`, changed);
  });
  READERS.position?.(store, model.get("position"));
  return () => {
    for (const remove of removals) remove();
  };
}
