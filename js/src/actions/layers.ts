/** Scrolling through the layers of a model that does not fit. */

import { firstLayerToShow } from "../layout/page";
import { nearestCell } from "../model/cell";
import { set, type Tools } from "./tools";

/** Shows a layer that the window of layers does not reach. */
export function showLayerOf({ store, page }: Tools, site: string): void {
  const layout = page.layout();
  const cell = nearestCell(site);
  if (layout === undefined || cell === undefined) return;
  const first = firstLayerToShow(layout, cell.layer);
  if (first !== layout.first) set(store, { firstLayer: first });
}
