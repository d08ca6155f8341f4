/** The rings over the cells of a lane: hover, focus, selection. Kept apart, so that a moving pointer redraws little. */

import { nothing, svg } from "lit-html";
import { boxOf } from "../../layout/lane-cells";
import { layerVisible } from "../../layout/page";
import { type Cell, exactCell, nearestCell } from "../../model/cell";
import type { Lane } from "../../model/experiment";
import { isFrozen, sourceLane } from "../../model/patch";
import { parsePath } from "../../model/path";
import { withoutPosition } from "../../model/site";
import { awaitsResult, selectedPatches } from "../../state/selectors";
import type { Context } from "../context";
import { pathCells, pathVeil } from "./path-line";
import { slimBoxes } from "./slim";

function ring(cx: Context, lane: Lane, cell: Cell | undefined, kind: string, out: number) {
  if (cell === undefined || !layerVisible(cx.layout, cell.layer)) return nothing;
  const box = boxOf(cx.layout, lane, cell);
  return svg`<rect class="ring ${kind}" x=${box.x - out} y=${box.y - out}
    width=${box.w + 2 * out} height=${box.h + 2 * out} rx=${1.5 + out}/>`;
}

function patchRings(cx: Context, lane: Lane) {
  const { state } = cx;
  const pending = awaitsResult(state);
  return selectedPatches(state).map((patch) => {
    if (parsePath(patch.site) !== undefined) return nothing;
    const cell = nearestCell(patch.site);
    const part = exactCell(withoutPosition(patch.site)) === undefined ? " part" : "";
    const kind = isFrozen(patch) ? "frozen" : "patched";
    if (lane === "patched") return ring(cx, lane, cell, (pending ? "pending" : kind) + part, 1);
    if (lane === sourceLane(patch, state.direction)) {
      return ring(cx, lane, cell, (pending ? "pending" : "selected") + part, 1);
    }
    return nothing;
  });
}

export function laneRings(cx: Context, lane: Lane, focus: string) {
  if (!cx.layout.lanes[lane].full) return slimBoxes(cx, lane);
  const { hover } = cx.state;
  const under = hover === undefined ? undefined : nearestCell(hover);
  const ofPath = lane === "patched" ? pathCells(cx) : [];
  const veil = lane === "patched" ? pathVeil(cx) : nothing;
  return svg`<g class="rings" aria-hidden="true">${veil}${patchRings(cx, lane)}${ofPath.map(
    (cell) => ring(cx, lane, cell, "patched part", 1),
  )}${
    under === undefined ? nothing : ring(cx, lane, under, "hover", 1)
  }${lane === "patched" ? svg`<g class="focus">${ring(cx, lane, nearestCell(focus), "inner", 2.75)}${ring(cx, lane, nearestCell(focus), "outer", 4.5)}</g>` : nothing}</g>`;
}
