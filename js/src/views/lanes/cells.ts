/** The cells of a full lane: heads, their sum, MLP, residual stream. SVG, one group per layer. */

import { nothing, svg } from "lit-html";
import { boxOf } from "../../layout/lane-cells";
import type { Box } from "../../layout/page";
import { type Cell, cellName, layerCells } from "../../model/cell";
import { type Lane, refusalReason } from "../../model/experiment";
import { range } from "../../model/math";
import { type Movement, movementAt, type ReachLook, reachLook } from "../../model/reach";
import { boxIsAnswered } from "../../state/saved";
import { percent, plainNumber } from "../../text/numbers";
import type { Context } from "../context";
import { shownSource } from "../shown-source";
import { lensLabel } from "./lens";
import { type PatchedCells, reachMarks } from "./reach-marks";

interface CellsData {
  readonly lane: Lane;
  readonly patched: PatchedCells;
  readonly focus: string;
}

function label(
  name: string,
  moved: Movement | undefined,
  look: ReachLook,
  towards: string | undefined,
): string {
  if (look === "zero") return `${name}, exactly unchanged`;
  if (moved === undefined || !Number.isFinite(moved.along)) return name;
  if (towards === undefined) return `${name}, changed by ${plainNumber(moved.along)}`;
  return `${name}, moved ${plainNumber(moved.along)} towards ${towards}`;
}

/** What colours a box, printed in those that are large enough: whose value it has, or how far it moved. */
function reachText(box: Box, patched: string | undefined, moved: Movement | undefined) {
  if (box.w < 38 || box.h < 13) return nothing;
  const far = moved !== undefined && Number.isFinite(moved.along) && moved.size > 0;
  const text = patched ?? (far ? percent(moved.along) : undefined);
  if (text === undefined) return nothing;
  const [x, y] = [box.x + box.w / 2, box.y + box.h / 2 + 4];
  return svg`<text class=${patched === undefined ? "inside" : "inside on"} x=${x} y=${y} aria-hidden="true">${text}</text>`;
}

function refusedMark(box: Box) {
  return svg`<path class="refused" d="M${box.x} ${box.y + box.h}l${box.w} ${-box.h}"/>`;
}

/** A box that a saved page has no answer to: a dash, where others are filled. */
function missingMark({ x, y, w, h }: Box) {
  return svg`<path class="missing-mark" d="M${x + w / 2 - 4} ${y + h / 2}h8"/>`;
}

/** The residual stream after a layer is no box, but a node on its line. */
function node({ x, y, w, h }: Box) {
  return svg`<circle class="node" cx=${x + w / 2} cy=${y + h / 2} r="3"/>`;
}

function cellShape(cx: Context, data: CellsData, cell: Cell) {
  const box = boxOf(cx.layout, data.lane, cell);
  const name = cellName(cell);
  const solid = cell.component !== "resid_post";
  const own = data.lane === "patched";
  const { own: word, towards } = shownSource(cx.state);
  const isPatched = data.patched.all.has(name);
  const moved = own ? movementAt(cx.state.result?.reach, cell) : undefined;
  const missing = own && !boxIsAnswered(cx.state, name);
  const rect = own
    ? svg`<rect class="cell ${solid ? "box" : "hit"} ${missing ? "missing" : ""}" aria-disabled=${missing ? "true" : nothing} data-site=${name} id="${cx.id}-${name}" role="gridcell"
        tabindex=${name === data.focus ? 0 : -1} aria-label=${label(name, moved, reachLook(moved), towards) + lensLabel(cx, cell)}
        aria-selected=${isPatched}
        x=${box.x} y=${box.y} width=${box.w} height=${box.h} rx="1.5"/>`
    : svg`<rect class="cell ${solid ? "box" : "hit"}" data-site=${name} x=${box.x} y=${box.y}
        width=${box.w} height=${box.h} rx="1.5"/>`;
  return svg`${rect}${solid ? nothing : node(box)}${
    refusalReason(cx.scene, cell.component) === undefined ? nothing : refusedMark(box)
  }${missing && solid ? missingMark(box) : nothing}${own && solid ? reachMarks(cx, cell, box, data.patched) : nothing}${
    own && solid && !data.patched.frozen.has(name)
      ? reachText(box, isPatched && !data.patched.partly.has(name) ? word : undefined, moved)
      : nothing
  }`;
}

/** All cells of the layers that are shown. */
export function cells(cx: Context, data: CellsData) {
  const { first, count } = cx.layout;
  const own = data.lane === "patched";
  return range(count, first).map((layer) => {
    const inner = layerCells(layer, cx.scene.model).map((cell) => cellShape(cx, data, cell));
    return own ? svg`<g role="row" aria-label="layer ${layer}">${inner}</g>` : svg`<g>${inner}</g>`;
  });
}
