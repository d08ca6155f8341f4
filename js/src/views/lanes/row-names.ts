/** What the rows and the columns of a full lane are: heads, attn, MLP, stream at its left; layers over its boxes. */

import { nothing, svg } from "lit-html";
import { LAYER_AXIS } from "../../layout/lane-rows";
import { axisStep, layerMiddle } from "../../layout/page";
import { type Cell, nearestCell } from "../../model/cell";
import type { Lane } from "../../model/experiment";
import { range } from "../../model/math";
import { selectedPatches } from "../../state/selectors";
import type { Term } from "../../text/terms";
import type { Context } from "../context";

const LINE = 11;

const ROW_NAMES: readonly (readonly [Exclude<Cell["component"], "z">, string, Term])[] = [
  ["attn_out", "attn", "attn"],
  ["mlp_out", "MLP", "mlp"],
  ["resid_post", "stream", "stream"],
];

function hoveredCell(cx: Context): Cell | undefined {
  return cx.state.hover === undefined ? undefined : nearestCell(cx.state.hover);
}

function rowName(y: number, text: string, term: Term, on: boolean) {
  return svg`<text class="row-name ${on ? "hovered" : ""}" data-explain=${term} x="-7" y=${y + 4} text-anchor="end">${text}</text>`;
}

/** The rows of heads that are named: the hovered one, and as many others as have room. */
function namedRows(rows: number, pitch: number, hovered: number): readonly number[] {
  const apart = (a: number, b: number) => Math.abs(a - b) * pitch >= LINE;
  const all = pitch >= LINE ? range(rows) : [0, rows - 1];
  const free = all.filter((row) => row === hovered || hovered < 0 || apart(row, hovered));
  return hovered < 0 || free.includes(hovered) ? free : [...free, hovered];
}

/** "H3"; where heads stand in several columns, the first of the row until one is under the pointer. */
function headNames(cx: Context, lane: Lane, hovered: Cell | undefined) {
  const { layout, scene } = cx;
  const { rows, rowPitch } = layout.lanes[lane];
  const index = hovered?.component === "z" ? (hovered.index ?? 0) : -1;
  const under = index < 0 || index >= scene.model.n_heads ? -1 : index % layout.rows;
  return namedRows(layout.rows, rowPitch, under).map((row) => {
    const y = rows.z.top + row * rowPitch + rows.z.height / 2;
    return rowName(y, `H${row === under ? index : row}`, "heads", row === under);
  });
}

export function rowNames(cx: Context, lane: Lane) {
  const at = cx.layout.lanes[lane];
  if (!at.full) return nothing;
  const hovered = hoveredCell(cx);
  const others = ROW_NAMES.map(([component, text, term]) => {
    const { top, height } = at.rows[component];
    return rowName(top + height / 2, text, term, hovered?.component === component);
  });
  return svg`<g class="row-names" aria-hidden="true">${headNames(cx, lane, hovered)}${others}</g>`;
}

/** The layers of the selected patches. */
export function patchedLayers(cx: Context): ReadonlySet<number> {
  const layers = selectedPatches(cx.state).map((patch) => nearestCell(patch.site)?.layer);
  return new Set(layers.filter((layer) => layer !== undefined));
}

function hasNumber(layer: number, step: number, first: ReadonlySet<number>): boolean {
  if (first.has(layer)) return true;
  const near = [...first].some((s) => Math.abs(s - layer) * 1.01 < step * 0.75);
  return layer % step === 0 && !near;
}

/** The layer numbers over the boxes, so that nobody takes the columns for token positions. */
export function layerNumbers(cx: Context, lane: Lane) {
  const { layout } = cx;
  if (!layout.lanes[lane].full) return nothing;
  const patched = patchedLayers(cx);
  const hovered = hoveredCell(cx)?.layer;
  const first = hovered === undefined ? patched : new Set([...patched, hovered]);
  const step = axisStep(layout.pitch);
  const shown = range(layout.count, layout.first).filter((layer) => hasNumber(layer, step, first));
  return svg`<g class="axis" aria-hidden="true"><text class="row-name" data-explain="layer" x="-7" y=${LAYER_AXIS - 4} text-anchor="end">layer</text>
    ${shown.map((layer) => {
      const kind = patched.has(layer) ? "patched" : layer === hovered ? "hovered" : "";
      return svg`<text class=${kind} x=${layerMiddle(layout, layer)} y=${LAYER_AXIS - 4} text-anchor="middle">${layer}</text>`;
    })}</g>`;
}
