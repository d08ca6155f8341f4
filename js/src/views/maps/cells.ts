/** The cells of a map as SVG; over a canvas only the row that has the focus, unseen. */

import { nothing, svg } from "lit-html";
import { hasNumber, mapBox, numberFits } from "../../layout/map";
import { type MapPaint, mapPaint, mapRange, unpainted } from "../../layout/map-colours";
import type { Box } from "../../layout/page";
import { type MapData, mapLook } from "../../model/map";
import { range } from "../../model/math";
import { isInScope, type MapView, mapRegion, mapSite } from "../../state/maps";
import { currentMetric, selectedPatches } from "../../state/selectors";
import { cellLabel } from "../../text/map-status";
import { effectNumber, percent, percentWhole } from "../../text/numbers";
import type { Context } from "../context";
import { mapMarks } from "./marks";

export function scaleOf(cx: Context, map: MapView, data: MapData) {
  return { range: mapRange(data), direction: map.direction, theme: cx.state.theme, grey: map.grey };
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
  const { data, estimate, layout } = map;
  const exact = painter(cx, map, data);
  const estimated = painter(cx, map, estimate);
  return (row: number, column: number): MapPaint => {
    const index = row * layout.columns + column;
    const paint = exact(index);
    return paint.look === "pending" ? estimated(index) : paint;
  };
}

function painter(cx: Context, map: MapView, data: MapData | undefined) {
  if (data === undefined) return () => PENDING;
  const scale = { ...scaleOf(cx, map, data), range: mapRange(map.data) };
  return (index: number) => mapPaint(data, index, scale);
}

/** What a cell's colour stands for: its share, or the effect that it is. */
function cellNumber(cx: Context, data: MapData, index: number): string {
  const [share, effect] = [data.share[index] ?? Number.NaN, data.effect[index] ?? Number.NaN];
  if (cx.state.unit === "effect" || Number.isNaN(share))
    return effectNumber(effect, currentMetric(cx.state, cx.scene));
  // "0 %" would read as exactly 0.
  return share !== 0 && Math.abs(share) < 0.0005 ? "0.0 %" : percent(share);
}

/** What a cell shows: its own number, or the estimate that stands in for it. */
function shownData(map: MapView, index: number): { data: MapData | undefined; estimated: boolean } {
  const { data, estimate, field } = map;
  const isPending = data === undefined || mapLook(data, index) === "pending";
  if (isPending && estimate !== undefined) return { data: estimate, estimated: true };
  return { data, estimated: field === "estimate" };
}

function label(cx: Context, map: MapView, site: string, index: number): string {
  const { data, estimated } = shownData(map, index);
  if (data === undefined) return cellLabel(site, "pending", "");
  const said = cellLabel(site, mapLook(data, index), cellNumber(cx, data, index), map.field);
  return estimated ? `${said}, estimated` : said;
}

/** The number of a cell, printed in those that are large enough. */
function numberText(cx: Context, map: MapView, box: Box, index: number) {
  const { data } = shownData(map, index);
  if (data === undefined || !hasNumber(box)) return nothing;
  if (!(Math.abs(data.effect[index] ?? Number.NaN) > 0)) return nothing;
  const whole = cellNumber(cx, data, index);
  const tight = whole.endsWith(" %") && !numberFits(whole, box);
  const text = tight ? percentWhole(data.share[index] ?? Number.NaN) : whole;
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
  return svg`<g role="row" aria-rowindex=${row + 1} aria-label="${map.down} ${row}">${drawn}</g>`;
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
