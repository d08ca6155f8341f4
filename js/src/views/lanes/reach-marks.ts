/** What a patch did to a cell: filled as far as it moved, with a ring, with a dot. */

import { nothing, svg } from "lit-html";
import type { Box } from "../../layout/page";
import { type Cell, cellName } from "../../model/cell";
import { type Movement, movementAt, reachLook } from "../../model/reach";
import type { Context } from "../context";

/** The names of the patched cells. Partly patched means a neuron of an MLP or a query of a head. */
export interface PatchedCells {
  readonly all: ReadonlySet<string>;
  readonly partly: ReadonlySet<string>;
  readonly frozen: ReadonlySet<string>;
}

/** The least height of a cell that leaves room for a minus sign. */
const ROOM_FOR_MINUS = 10;

/** Fills a cell in its source's colour as far as it moved: from below, or from above if it moved away. */
function reachFill(cx: Context, box: Box, moved: Movement, layer: number) {
  const level = Math.min(1, Math.abs(moved.along));
  const flat = box.h < 8;
  const h = flat ? box.h : box.h * level;
  const away = moved.along < 0;
  const y = away ? box.y : box.y + box.h - h;
  const kind = away ? "reach away" : "reach";
  const first = cx.layout.first;
  const dash = away && box.h >= ROOM_FOR_MINUS;
  const middle = box.y + box.h / 2;
  return svg`<rect class=${kind} x=${box.x} y=${y} width=${box.w} height=${h} rx="1.5"
      opacity=${flat ? 0.12 + 0.88 * level : 0.9} .style="--d:${layer - first}"/>${
        dash ? svg`<path class="minus" d="M${box.x + 2.5} ${middle}h${box.w - 5}"/>` : nothing
      }`;
}

/** A notch in the corner: the cell moved further than the source. */
function notch(box: Box) {
  const side = Math.min(4, box.h * 0.6);
  return svg`<path class="notch" d="M${box.x + box.w} ${box.y}v${side}l${-side} ${-side}z"/>`;
}

/** Two bars, as on a button that holds what plays: the cell stays as in the host. */
function held(box: Box) {
  const [x, h] = [box.x + box.w / 2, Math.min(9, box.h - 3)];
  const y = box.y + (box.h - h) / 2;
  return h < 3
    ? nothing
    : svg`<path class="held" d="M${x - 1.75} ${y}v${h}M${x + 1.75} ${y}v${h}"/>`;
}

export function reachMarks(cx: Context, cell: Cell, box: Box, patched: PatchedCells) {
  const name = cellName(cell);
  const moved = movementAt(cx.state.result?.reach, cell);
  const look = reachLook(moved);
  if (patched.frozen.has(name)) return held(box);
  if (patched.all.has(name)) {
    return patched.partly.has(name)
      ? nothing
      : svg`<rect class="patched-cell" x=${box.x} y=${box.y} width=${box.w} height=${box.h} rx="1.5"/>`;
  }
  if (look === "zero") {
    return svg`<circle class="zero" cx=${box.x + box.w / 2} cy=${box.y + box.h / 2} r=${box.h < 5 ? 0.6 : 0.9}/>`;
  }
  if (look === "elsewhere") {
    return svg`<circle class="elsewhere" cx=${box.x + box.w / 2} cy=${box.y + box.h / 2} r=${Math.min(2.6, box.h * 0.3)}/>`;
  }
  if (look !== "moved" || moved === undefined) return nothing;
  return svg`${reachFill(cx, box, moved, cell.layer)}${Math.abs(moved.along) > 1.05 ? notch(box) : nothing}`;
}
