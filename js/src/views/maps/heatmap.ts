/** The drawing of one map: cells, labels, rings. */

import { html } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { cellAtPoint } from "../../layout/map";
import { parseSite } from "../../model/site";
import { type MapView, mapSite } from "../../state/maps";
import { selectedPatches } from "../../state/selectors";
import type { Context } from "../context";
import { mapCanvas } from "./canvas";
import { gridRows, tabSite } from "./cells";
import { hatching } from "./hatching";
import { mapRings } from "./highlights";
import { axisNames, beyondRows, columnLabels, foldedColumn, rowLabels } from "./labels";

/** The site under the pointer: that of the cell, or on a canvas the one at that point. */
function siteAt(map: MapView, event: MouseEvent): string | undefined {
  const { target, currentTarget } = event;
  const own = target instanceof Element ? target.closest("[data-site]") : null;
  const named = own?.getAttribute("data-site");
  if (typeof named === "string" && !map.layout.raster) return named;
  if (!(currentTarget instanceof Element)) return undefined;
  const { left, top } = currentTarget.getBoundingClientRect();
  const hit = cellAtPoint(map.layout, event.clientX - left, event.clientY - top);
  return hit && mapSite(map, hit.row, hit.column);
}

export function heatmap(cx: Context, map: MapView) {
  const { layout, data } = map;
  const click = (event: MouseEvent) => {
    const site = siteAt(map, event);
    if (site === undefined) return;
    cx.act.mapFocus(map.name, site);
    cx.act.takeKeyboard(site, map.name);
    if (event.altKey) cx.act.freezeCell(site);
    else cx.act.patchCell(site, map.field, event.shiftKey);
  };
  const where = Object.values(layout).join();
  const { theme, metric, unit } = cx.state;
  const content = guard(
    [
      data,
      map.estimate,
      map.field,
      map.layer,
      where,
      theme,
      metric,
      unit,
      map.direction,
      map.grey,
      map.component,
      map.position,
      tabSite(cx, map),
      selectedPatches(cx.state),
    ],
    () => gridRows(cx, map),
  );
  const across = map.across === "head" ? "head" : "position";
  const hatch = `${cx.id}-${map.name}-hatch`;
  return html`<div class="plot" .style="height:${layout.height}px" @click=${click}
      @pointermove=${(event: PointerEvent) => cx.act.hover(siteAt(map, event))} @pointerleave=${() => cx.act.hover(undefined)}>
    ${mapCanvas(cx, map)}
    <svg role="grid" aria-label="${parseSite(mapSite(map, 0, 0))?.component ?? ""} by ${map.down} and ${across}, share of the difference"
      aria-rowcount=${layout.rows} aria-colcount=${layout.columns} width=${layout.width} height=${layout.height}>
      <defs><pattern id=${hatch} patternUnits="userSpaceOnUse" width="5" height="5" patternTransform="rotate(45)"><path class="hatch" d="M2.5 0V5"/></pattern></defs>
      <g class="labels" aria-hidden="true">${rowLabels(cx, map)}${columnLabels(cx, map)}${foldedColumn(map)}${axisNames(map)}${beyondRows(map)}</g>${content}${hatching(map, hatch)}${mapRings(cx, map)}</svg></div>`;
}
