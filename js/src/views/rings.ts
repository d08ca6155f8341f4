/** What lies over the cells: hover, focus, selection. Small, so that moving the pointer redraws little. */

import { nothing, svg } from "lit-html";
import type { Context } from "../context";
import type { Lane } from "../protocol";
import { boxOf, visible } from "../pure/geometry";
import { baseOf, type Cell, cellOf, hostCell } from "../pure/sites";
import { laneOf } from "../pure/words";
import { chosen, underway } from "../state";

function ring(cx: Context, lane: Lane, cell: Cell | undefined, kind: string, out: number) {
  if (cell === undefined || !visible(cx.layout, cell.layer)) return nothing;
  const box = boxOf(cx.layout, lane, cell);
  return svg`<rect class="ring ${kind}" x=${box.x - out} y=${box.y - out}
    width=${box.w + 2 * out} height=${box.h + 2 * out} rx=${1.5 + out}/>`;
}

function chosenRings(cx: Context, lane: Lane) {
  const { state } = cx;
  const pending = underway(state);
  return chosen(state).map((patch) => {
    const cell = hostCell(patch.site);
    const part = cellOf(baseOf(patch.site)) === undefined ? " part" : "";
    if (lane === "patched")
      return ring(cx, lane, cell, (pending ? "pending" : "patched") + part, 1);
    if (lane === laneOf(patch, state.direction)) {
      return ring(cx, lane, cell, (pending ? "pending" : "selected") + part, 1);
    }
    return nothing;
  });
}

export function rings(cx: Context, lane: Lane, focus: string) {
  const { hover } = cx.state;
  const under = hover === undefined ? undefined : hostCell(hover);
  return svg`<g class="rings" aria-hidden="true">${chosenRings(cx, lane)}${
    under === undefined ? nothing : ring(cx, lane, under, "hover", 1)
  }${lane === "patched" ? svg`<g class="focus">${ring(cx, lane, hostCell(focus), "inner", 1.5)}${ring(cx, lane, hostCell(focus), "outer", 3.5)}</g>` : nothing}</g>`;
}
