/** The drawing of one map: cells (SVG, or a canvas where they are many), labels, rings. */

import { html, nothing, svg } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import type { Context } from "../context";
import { chosenPosition, hoveredPosition, type MapView, mapSite, placeOf } from "../mapped";
import { isAlone } from "../pure/counterparts";
import { cellUnder, columnLeft, labelled, mapBox } from "../pure/maps";
import { parseSite } from "../pure/sites";
import { hostOf } from "../pure/words";
import { chosen, underway } from "../state";
import { gridRows, tabSite } from "./mapcells";
import { raster } from "./raster";

const ROW_LABEL = 12;

function rowLabels(cx: Context, map: MapView) {
  const { layout } = map;
  const step = [1, 2, 5, 10].find((n) => n * layout.rowPitch >= ROW_LABEL) ?? 20;
  const hovered = cx.state.hover === undefined ? undefined : placeOf(map, cx.state.hover, cx.scene);
  const under = hovered !== undefined && hovered.bottom === hovered.top + 1 ? hovered.top : -1;
  const rows = Array.from({ length: layout.rows }, (_, row) => row);
  const near = (row: number) => under >= 0 && Math.abs(row - under) * layout.rowPitch < ROW_LABEL;
  const shown = rows.filter((row) => row === under || (row % step === 0 && !near(row)));
  return shown.map(
    (row) => svg`<text class=${row === under ? "hovered" : ""} x=${layout.left - 6}
      y=${(row + 0.5) * layout.rowPitch + 4 - layout.gapY / 2} text-anchor="end">${row}</text>`,
  );
}

/** Columns whose labels come first: hovered, differing, chosen, the last token. */
function wantedColumns(cx: Context, map: MapView, hovered: number | undefined): readonly number[] {
  if (map.across === "head") return hovered === undefined ? [] : [hovered];
  const { differs } = cx.scene.task;
  const others = [chosenPosition(cx.state, cx.scene), map.layout.columns - 1];
  return [...differs, hovered, ...others].filter((i) => i !== undefined);
}

function hoveredColumn(cx: Context, map: MapView): number | undefined {
  const { hover } = cx.state;
  if (map.across === "pos") return hoveredPosition(cx.state, cx.scene);
  return hover === undefined ? undefined : placeOf(map, hover, cx.scene)?.from;
}

function columnLabels(cx: Context, map: MapView) {
  const { layout } = map;
  const hovered = hoveredColumn(cx, map);
  const { task } = cx.scene;
  const differs = map.across === "pos" ? task.differs.filter((i) => !isAlone(task, i)) : [];
  return labelled(layout, wantedColumns(cx, map, hovered)).map((column) => {
    const x = columnLeft(layout, column) + (layout.pitch - layout.gapX) / 2;
    const y = layout.plotHeight + 12;
    const kind = differs.includes(column) ? `differs ${hostOf(map.direction)}` : "";
    const on = column === hovered ? "hovered" : "";
    const text = map.labels[column] ?? String(column);
    const turned = layout.tilted
      ? svg`<text class="name ${kind} ${on}" text-anchor="end" transform="translate(${x + 4} ${y - 1}) rotate(-40)">${text}</text>`
      : svg`<text class="name ${kind} ${on}" text-anchor="middle" x=${x} y=${y + 1}>${text}</text>`;
    const tick =
      kind === ""
        ? nothing
        : svg`<path class="tick ${kind}" d="M${x - 4} ${layout.plotHeight}h8l-4 4z"/>`;
    return svg`${turned}${tick}`;
  });
}

function ring(cx: Context, map: MapView, site: string, kind: string, out: number) {
  const place = placeOf(map, site, cx.scene);
  if (place === undefined) return nothing;
  const { layout } = map;
  const from =
    place.to <= layout.fold ? 0 : Math.max(place.from, Math.min(layout.fold, place.from));
  const box = mapBox(layout, place.top, from, Math.min(layout.columns, place.to));
  const h = (place.bottom - place.top) * layout.rowPitch - layout.gapY;
  return svg`<rect class="ring ${kind}" x=${box.x - out} y=${box.y - out} width=${box.w + 2 * out} height=${h + 2 * out} rx="1.5"/>`;
}

function rings(cx: Context, map: MapView) {
  const { hover } = cx.state;
  const kind = underway(cx.state) ? "pending" : "selected";
  const focus = tabSite(cx, map);
  return svg`<g class="rings" aria-hidden="true">${chosen(cx.state).map(({ site }) => ring(cx, map, site, kind, 1))}${
    hover === undefined ? nothing : ring(cx, map, hover, "hover", 1)
  }<g class="focus">${ring(cx, map, focus, "inner", 1.5)}${ring(cx, map, focus, "outer", 3.5)}</g></g>`;
}

/** The columns of identical tokens as one: its words say what is in it. */
function folded(map: MapView) {
  const { fold, foldWidth, left, plotHeight } = map.layout;
  if (fold === 0) return nothing;
  const [x, y] = [left + foldWidth / 2 + 2, plotHeight / 2];
  const words = plotHeight < 190 ? `${fold} tokens · 0` : `${fold} identical tokens · exactly 0`;
  return svg`<g class="folded"><rect x=${left} y="0" width=${foldWidth - 4} height=${plotHeight - map.layout.gapY} rx="2"/>
    <text transform="translate(${x} ${y}) rotate(-90)" text-anchor="middle">${words}</text></g>`;
}

/** The site under the pointer: a cell says its own, the canvas is asked where it was hit. */
function siteAt(map: MapView, event: MouseEvent): string | undefined {
  const { target, currentTarget } = event;
  const own = target instanceof Element ? target.closest("[data-site]") : null;
  const named = own?.getAttribute("data-site");
  if (typeof named === "string" && !map.layout.raster) return named;
  if (!(currentTarget instanceof Element)) return undefined;
  const { left, top } = currentTarget.getBoundingClientRect();
  const hit = cellUnder(map.layout, event.clientX - left, event.clientY - top);
  return hit && mapSite(map, hit.row, hit.column);
}

export function heatmap(cx: Context, map: MapView) {
  const { layout, cells } = map;
  const click = (event: MouseEvent) => {
    const site = siteAt(map, event);
    if (site === undefined) return;
    cx.act.mapFocus(map.name, site);
    cx.act.patchExactly(site, event.shiftKey);
  };
  const where = Object.values(layout).join();
  const { theme, metric } = cx.state;
  const content = guard(
    [cells, where, theme, metric, map.direction, map.component, tabSite(cx, map), chosen(cx.state)],
    () => gridRows(cx, map),
  );
  const across = map.across === "head" ? "head" : "position";
  return html`<div class="plot" style="height:${layout.height}px" @click=${click}
      @pointermove=${(event: PointerEvent) => cx.act.hover(siteAt(map, event))} @pointerleave=${() => cx.act.hover(undefined)}>
    ${raster(cx, map)}
    <svg role="grid" aria-label="${parseSite(mapSite(map, 0, 0))?.component ?? ""} by layer and ${across}, share of the difference"
      aria-rowcount=${layout.rows} aria-colcount=${layout.columns} width=${layout.width} height=${layout.height}>
      <g class="labels" aria-hidden="true">${rowLabels(cx, map)}${columnLabels(cx, map)}${folded(map)}</g>${content}${rings(cx, map)}</svg></div>`;
}
