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
