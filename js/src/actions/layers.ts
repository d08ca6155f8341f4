/** Scrolling through the layers of a model that does not fit. */

import { firstLayerToShow } from "../layout/page";
import { nearestCell } from "../model/cell";
import { selectedPatches } from "../state/selectors";
import type { State } from "../state/state";
import { set, type Tools } from "./tools";

/** Scrolls to the layer of a site, if it cannot be seen. */
export function showLayerOf({ store, page }: Tools, site: string): void {
  const layout = page.layout();
  const cell = nearestCell(site);
  if (layout === undefined || cell === undefined) return;
  const first = firstLayerToShow(layout, cell.layer);
  if (first !== layout.first) set(store, { firstLayer: first });
}

/** Scrolls to a patch that has just been selected. */
export function followSelection(tools: Tools, before: State): void {
  const last = selectedPatches(tools.store.state()).at(-1);
  if (last !== undefined && last !== selectedPatches(before).at(-1)) showLayerOf(tools, last.site);
}
