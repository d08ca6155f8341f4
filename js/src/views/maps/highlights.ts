/** The rings over the cells of a map: hover, focus, selection. */

import { nothing, svg } from "lit-html";
import { mapBox } from "../../layout/map";
import { isInScope, type MapView, mapRegion } from "../../state/maps";
import { awaitsResult, selectedPatches } from "../../state/selectors";
import type { Context } from "../context";
import { tabSite } from "./cells";

function ring(cx: Context, map: MapView, site: string, kind: string, out: number) {
  const region = mapRegion(map, site, cx.scene);
  if (region === undefined) return nothing;
  const { layout } = map;
  const from = region.to <= layout.fold ? 0 : region.from;
  const box = mapBox(layout, region.top, from, Math.min(layout.columns, region.to));
  const h = (region.bottom - region.top) * layout.rowPitch - layout.gapY;
  return svg`<rect class="ring ${kind}" x=${box.x - out} y=${box.y - out} width=${box.w + 2 * out} height=${h + 2 * out} rx="1.5"/>`;
}

export function mapRings(cx: Context, map: MapView) {
  const { hover } = cx.state;
  const kind = awaitsResult(cx.state) ? "pending" : "selected";
  const focus = tabSite(cx, map);
  const selected = selectedPatches(cx.state).filter(({ site }) => isInScope(map, site, cx.scene));
  return svg`<g class="rings" aria-hidden="true">${selected.map(({ site }) => ring(cx, map, site, kind, 1))}${
    hover === undefined ? nothing : ring(cx, map, hover, "hover", 1)
  }<g class="focus">${ring(cx, map, focus, "inner", 1.5)}${ring(cx, map, focus, "outer", 3.5)}</g></g>`;
}
