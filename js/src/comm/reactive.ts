/** Telling a reactive notebook that a click has changed the widget. */

import { kernelStatus } from "./kernel-status";
import type { WidgetModel } from "./widget-model";

/**
 * marimo runs the cells that read a widget again when the page writes one of its traits, not when Python does. So the
 * page writes what Python has just told it. In Jupyter, whose kernel is known, nobody waits for that.
 */
export function tellReactiveCells(model: WidgetModel): void {
  if (kernelStatus(model.widget_manager) !== "unknown") return;
  model.set("selection", model.get("selection"));
  model.save_changes?.();
}

/** What Python may change although no patch was asked for: where the next click patches, what the maps show. */
const WITHOUT_A_PATCH = ["change:position", "change:field"] as const;

/** Tells of those changes as well, unless the answer to a patch is awaited, which tells of all; returns the removal. */
export function watchForReactiveCells(model: WidgetModel, awaitsAnswer: () => boolean): () => void {
  // Traits that came together are set one after the other: an old selection must not be written back.
  const unlessAwaited = (next: () => void) => () => {
    if (!awaitsAnswer()) next();
  };
  const tell = unlessAwaited(() => queueMicrotask(unlessAwaited(() => tellReactiveCells(model))));
  for (const change of WITHOUT_A_PATCH) model.on(change, tell);
  return () => {
    for (const change of WITHOUT_A_PATCH) model.off(change, tell);
  };
}
