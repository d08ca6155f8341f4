/** The line of a path in the patched lane, from its sender over each receiver; and what a path can no longer reach. */

import { nothing, svg } from "lit-html";
import { pageBox } from "../../layout/lane-cells";
import { LAYER_AXIS } from "../../layout/lane-rows";
import { type Box, layerLeft } from "../../layout/page";
import { type Cell, nearestCell } from "../../model/cell";
import { clamp } from "../../model/math";
import { headsOfUnit, type Path, parsePath } from "../../model/path";
import { parseSite } from "../../model/site";
import { awaitsResult, selectedPatches } from "../../state/selectors";
import { type Context, waveClass } from "../context";

/** The cell of a part of a path; for a key that heads share, the first of them. Undefined for the logits. */
function partCell(cx: Context, part: string): Cell | undefined {
  const site = parseSite(part);
  if (site?.layer === undefined) return undefined;
  if (site.unit?.startsWith("KV") !== true) return nearestCell(part);
  const [index] = headsOfUnit(site.unit, cx.scene.model);
  return { layer: site.layer, component: "z", index };
}

/** The path that is shown: the one that is being made, or else the one that is patched. */
export function shownPath(cx: Context): Path | undefined {
  const { draft } = cx.state;
  if (draft?.sender !== undefined) return { sender: draft.sender, receivers: draft.receivers };
  const [only] = selectedPatches(cx.state);
  return only && parsePath(only.site);
}

/** The cells of a path, the sender first. */
export function pathCells(cx: Context): readonly Cell[] {
  const path = shownPath(cx);
  if (path === undefined) return [];
  return [path.sender, ...path.receivers].flatMap((part) => partCell(cx, part) ?? []);
}

/** Where the logits are read: the end of the patched lane's stream. */
function endBox(cx: Context): Box {
  const { layout } = cx;
  const { svgTop, rows } = layout.lanes.patched;
  const { top, height } = rows.resid_post;
  const x = layout.left + layout.count * layout.pitch;
  return { x, y: svgTop + top + height / 2 - 4, w: 4, h: 8 };
}

function between(cx: Context, from: Box, to: Box): string {
  const { layout } = cx;
  const [left, right] = [layout.left - 4, layout.left + layout.body + 4];
  const x1 = clamp(from.x + from.w, left, right);
  const x2 = clamp(to.x - 2, left, right);
  const [y1, y2] = [from.y + from.h / 2, to.y + to.h / 2];
  const bend = Math.max(12, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

export function pathLine(cx: Context) {
  const path = shownPath(cx);
  if (path === undefined || path.receivers.length === 0) return nothing;
  const boxes = [path.sender, ...path.receivers].map((part) => {
    const cell = partCell(cx, part);
    if (cell !== undefined) return pageBox(cx.layout, "patched", cell);
    return part.startsWith("embed") ? { ...endBox(cx), x: cx.layout.left - 4, w: 0 } : endBox(cx);
  });
  const kind = awaitsResult(cx.state) ? "pending" : waveClass(cx);
  return svg`<g data-path=${[path.sender, ...path.receivers].join("->")}>${boxes
    .slice(1)
    .map((to, i) => {
      const d = between(cx, boxes[i] ?? to, to);
      return svg`<path class="halo" d=${d}/><path class="patch-arrow path ${kind}" d=${d}
      pathLength=${kind === "pending" ? nothing : 1} marker-end="url(#${cx.id}-tip)"/>`;
    })}</g>`;
}

/** A veil over what reads the stream before the last part of a path that is being made. */
export function pathVeil(cx: Context) {
  const { draft } = cx.state;
  const last = draft?.receivers.at(-1) ?? draft?.sender;
  const cell = last === undefined ? undefined : partCell(cx, last);
  if (draft === undefined || cell === undefined) return nothing;
  const whole = draft.receivers.length > 0 && draft.choices.length === 0;
  if (whole) return nothing;
  const { layout } = cx;
  const before = layerLeft(layout, cell.layer);
  const open = cell.component !== "mlp_out" && !cx.scene.model.parallel;
  const { svgHeight, rows } = layout.lanes.patched;
  const width = (x: number) => clamp(x, 0, layout.count * layout.pitch);
  const all = width(before + layout.pitch - 1);
  const { top, height } = rows.mlp_out;
  const end = top + height + 1;
  const veil = (x: number, y: number, h: number) =>
    svg`<rect class="veil" x="0" y=${y} width=${x} height=${h}/>`;
  return svg`${veil(all, LAYER_AXIS, top - 1 - LAYER_AXIS)}${veil(open ? width(before - 1) : all, top - 1, end - top + 1)}${veil(all, end, svgHeight - end)}`;
}
