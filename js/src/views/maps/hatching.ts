/** The hatching over cells that are only estimated, as one path with a run of cells in each part. */

import { nothing, svg } from "lit-html";
import { mapBox } from "../../layout/map";
import { type MapData, mapLook } from "../../model/map";
import type { MapView } from "../../state/maps";

/** Whether a cell shows an estimate. */
function isEstimated(map: MapView, estimate: MapData, index: number): boolean {
  if (mapLook(estimate, index) !== "value") return false;
  return (
    map.field === "estimate" || map.data === undefined || mapLook(map.data, index) === "pending"
  );
}

export function hatching(map: MapView, pattern: string) {
  const { layout } = map;
  const estimate = map.field === "estimate" ? map.data : map.estimate;
  if (estimate === undefined) return nothing;
  let path = "";
  for (let row = 0; row < layout.rows; row++) {
    let from: number | undefined;
    for (let column = layout.fold; column <= layout.columns; column++) {
      const on =
        column < layout.columns && isEstimated(map, estimate, row * layout.columns + column);
      if (on && from === undefined) from = column;
      if (on || from === undefined) continue;
      const { x, y, w, h } = mapBox(layout, row, from, column);
      path += `M${x} ${y}h${w}v${h}h${-w}z`;
      from = undefined;
    }
  }
  return path === ""
    ? nothing
    : svg`<path class="approximate" data-estimated aria-hidden="true" d=${path} fill="url(#${pattern})"/>`;
}
