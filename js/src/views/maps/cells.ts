/** The cells of a map as SVG; over a canvas only the row that has the focus, unseen. */

import { nothing, svg } from "lit-html";
import { hasNumber, mapBox } from "../../layout/map";
import { mapPaint, mapRange, unpainted } from "../../layout/map-colours";
import type { Box } from "../../layout/page";
import { type MapData, mapLook } from "../../model/map";
import { range } from "../../model/math";
import { isInScope, type MapView, mapRegion, mapSite } from "../../state/maps";
import { currentMetric, selectedPatches } from "../../state/selectors";
import { cellLabel } from "../../text/map-status";
import { effectNumber, percent } from "../../text/numbers";
import type { Context } from "../context";
import { mapMarks } from "./marks";

export function scaleOf(cx: Context, map: MapView, data: MapData) {
  return { range: mapRange(data), direction: map.direction, theme: cx.state.theme };
}

/** The one cell of a map that Tab reaches. */
export function tabSite(cx: Context, map: MapView): string {
  const known = cx.state.mapFocus[map.name];
  const at = known === undefined ? undefined : mapRegion(map, known, cx.scene);
  return mapSite(map, at?.top ?? 0, at?.from ?? map.layout.fold);
}

function isSelected(cx: Context, map: MapView, row: number, column: number): boolean {
  return selectedPatches(cx.state).some(({ site }) => {
    const at = isInScope(map, site, cx.scene) ? mapRegion(map, site, cx.scene) : undefined;
    return at !== undefined && row === at.top && column >= at.from && column < at.to;
  });
}

const PENDING = unpainted("pending");

function cellPaint(cx: Context, map: MapView) {
  const { data, layout } = map;
  if (data === undefined) return () => PENDING;
  const scale = scaleOf(cx, map, data);
  return (row: number, column: number) => mapPaint(data, row * layout.columns + column, scale);
}

/** What a cell's colour stands for: its share, or the effect that it is. */
function cellNumber(cx: Context, { data }: MapView, index: number): string {
  const [share, effect] = [data?.share[index] ?? Number.NaN, data?.effect[index] ?? Number.NaN];
  if (cx.state.unit === "effect" || Number.isNaN(share))
    return effectNumber(effect, currentMetric(cx.state, cx.scene));
  // "0 %" would read as exactly 0.
  return share !== 0 && Math.abs(share) < 0.0005 ? "0.0 %" : percent(share);
}

function label(cx: Context, map: MapView, site: string, index: number): string {
  const { data } = map;
  if (data === undefined) return cellLabel(site, "pending", "");
  return cellLabel(site, mapLook(data, index), cellNumber(cx, map, index));
}

/** The number of a cell, printed in those that are large enough. */
function numberText(cx: Context, map: MapView, box: Box, index: number) {
  if (map.data === undefined || !hasNumber(box)) return nothing;
  if (!(Math.abs(map.data.effect[index] ?? Number.NaN) > 0)) return nothing;
  const text = cellNumber(cx, map, index);
  return svg`<text class="inside" x=${box.x + box.w / 2} y=${box.y + box.h / 2 + 4} aria-hidden="true">${text}</text>`;
}

function cellRow(cx: Context, map: MapView, row: number, paint: ReturnType<typeof cellPaint>) {
  const { layout } = map;
  const tab = tabSite(cx, map);
  const drawn = range(layout.columns - layout.fold, layout.fold).map((column) => {
    const site = mapSite(map, row, column);
    const box = mapBox(layout, row, column);
    const { look, fill } = layout.raster ? PENDING : paint(row, column);
    const index = row * layout.columns + column;
    return svg`<rect class="mcell ${layout.raster ? "unseen" : look}" data-site=${site} role="gridcell" tabindex=${site === tab ? 0 : -1}
      aria-colindex=${column + 1} aria-label=${label(cx, map, site, index)} aria-selected=${isSelected(cx, map, row, column)}
      x=${box.x} y=${box.y} width=${box.w} height=${box.h} fill=${fill}/>${layout.raster ? nothing : numberText(cx, map, box, index)}`;
  });
  return svg`<g role="row" aria-rowindex=${row + 1} aria-label="layer ${row}">${drawn}</g>`;
}

export function gridRows(cx: Context, map: MapView) {
  const { layout } = map;
  const paint = cellPaint(cx, map);
  if (layout.raster) {
    return cellRow(cx, map, mapRegion(map, tabSite(cx, map), cx.scene)?.top ?? 0, paint);
  }
  const rows = range(layout.rows).map((row) => cellRow(cx, map, row, paint));
  return svg`${rows}${mapMarks(map, paint)}`;
}
