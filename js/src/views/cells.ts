/** The boxes of one lane: heads, attention's sum, MLP, residual stream. SVG, one group per layer. */

import { nothing, svg } from "lit-html";
import type { Context } from "../context";
import type { Lane, MetricInfo, Reading } from "../protocol";
import { effectNumber, plainNumber } from "../pure/format";
import { boxOf, STREAM_HEIGHT } from "../pure/geometry";
import { type Look, lookOf, type Moved, movedAt } from "../pure/reach";
import { type Cell, cellName, layerCells } from "../pure/sites";
import { sourceOf } from "../pure/words";
import { refusalOf } from "../select";
import { shownDirection } from "../state";

export interface CellsData {
  readonly lane: Lane;
  readonly patched: ReadonlySet<string>;
  readonly parts: ReadonlySet<string>;
  readonly known: ReadonlyMap<string, Reading>;
  readonly metric: MetricInfo;
  readonly focus: string;
}

const DASH_FROM = 10;

function label(name: string, moved: Moved | undefined, look: Look, towards: string): string {
  if (look === "zero") return `${name}, exactly unchanged`;
  if (moved === undefined || !Number.isFinite(moved.along)) return name;
  return `${name}, moved ${plainNumber(moved.along)} towards ${towards}`;
}

/** The blue (or orange) that seeps in from below; from above where it moved away from the source. */
function seep(cx: Context, box: ReturnType<typeof boxOf>, moved: Moved, layer: number) {
  const level = Math.min(1, Math.abs(moved.along));
  const flat = box.h < 8;
  const h = flat ? box.h : box.h * level;
  const away = moved.along < 0;
  const y = away ? box.y : box.y + box.h - h;
  const kind = away ? "reach away" : "reach";
  const first = cx.layout.first;
  const dash = away && box.h >= DASH_FROM;
  const middle = box.y + box.h / 2;
  return svg`<rect class=${kind} x=${box.x} y=${y} width=${box.w} height=${h} rx="1.5"
      opacity=${flat ? 0.12 + 0.88 * level : 0.9} style="--d:${layer - first}"/>${
        dash ? svg`<path class="minus" d="M${box.x + 2.5} ${middle}h${box.w - 5}"/>` : nothing
      }`;
}

/** A notch in the corner: it moved further than the source. */
function notch(box: ReturnType<typeof boxOf>) {
  const side = Math.min(4, box.h * 0.6);
  return svg`<path class="notch" d="M${box.x + box.w} ${box.y}v${side}l${-side} ${-side}z"/>`;
}

function inside(
  box: ReturnType<typeof boxOf>,
  reading: Reading | undefined,
  metric: MetricInfo,
  on: boolean,
) {
  if (reading === undefined || box.w < 38 || box.h < 13) return nothing;
  const [x, y] = [box.x + box.w / 2, box.y + box.h / 2 + 4];
  return svg`<text class=${on ? "inside on" : "inside"} x=${x} y=${y} aria-hidden="true">${effectNumber(reading.effect, metric)}</text>`;
}

function refusedMark(box: ReturnType<typeof boxOf>) {
  return svg`<path class="refused" d="M${box.x} ${box.y + box.h}l${box.w} ${-box.h}"/>`;
}

function marks(cx: Context, data: CellsData, cell: Cell, box: ReturnType<typeof boxOf>) {
  const name = cellName(cell);
  const moved = movedAt(cx.state.result?.reach, cell);
  const look = lookOf(moved);
  if (data.patched.has(name)) {
    return data.parts.has(name)
      ? nothing
      : svg`<rect class="spliced" x=${box.x} y=${box.y} width=${box.w} height=${box.h} rx="1.5"/>`;
  }
  if (look === "zero") {
    return svg`<circle class="zero" cx=${box.x + box.w / 2} cy=${box.y + box.h / 2} r=${box.h < 5 ? 0.6 : 0.9}/>`;
  }
  if (look === "elsewhere") {
    return svg`<rect class="elsewhere" x=${box.x + 0.5} y=${box.y + 0.5} width=${Math.max(1, box.w - 1)} height=${Math.max(1, box.h - 1)} rx="1.5"/>`;
  }
  if (look !== "moved" || moved === undefined) return nothing;
  return svg`${seep(cx, box, moved, cell.layer)}${Math.abs(moved.along) > 1.05 ? notch(box) : nothing}`;
}

/** Attention's sum is a stem down to the stream; the residual stream after a block is a node on it. */
function shape(cell: Cell, box: ReturnType<typeof boxOf>, end: number) {
  const x = box.x + box.w / 2;
  if (cell.component === "attn_out") {
    return svg`<path class="stem" d="M${x} ${box.y}V${end}m-2.5 -3.5l2.5 3.5l2.5 -3.5"/>`;
  }
  return svg`<circle class="node" cx=${x} cy=${box.y + box.h / 2} r="2.6"/>`;
}

function drawn(cx: Context, data: CellsData, cell: Cell) {
  const box = boxOf(cx.layout, data.lane, cell);
  const name = cellName(cell);
  const solid = cell.component === "z" || cell.component === "mlp_out";
  const own = data.lane === "patched";
  const moved = own ? movedAt(cx.state.result?.reach, cell) : undefined;
  const end = cx.layout.lanes[data.lane].streamTop + STREAM_HEIGHT / 2 - 1.5;
  const rect = own
    ? svg`<rect class="cell ${solid ? "box" : "hit"}" data-site=${name} id="${cx.id}-${name}" role="gridcell"
        tabindex=${name === data.focus ? 0 : -1} aria-label=${label(name, moved, lookOf(moved), sourceOf(shownDirection(cx.state)))}
        aria-selected=${data.patched.has(name) ? "true" : "false"}
        x=${box.x} y=${box.y} width=${box.w} height=${box.h} rx="1.5"/>`
    : svg`<rect class="cell ${solid ? "box" : "hit"}" data-site=${name} x=${box.x} y=${box.y}
        width=${box.w} height=${box.h} rx="1.5"/>`;
  return svg`${rect}${solid ? nothing : shape(cell, box, end)}${
    refusalOf(cx.scene, cell.component) === undefined ? nothing : refusedMark(box)
  }${own && solid ? marks(cx, data, cell, box) : nothing}${
    own && solid ? inside(box, data.known.get(name), data.metric, data.patched.has(name)) : nothing
  }`;
}

/** All cells of the layers in the window. */
export function cells(cx: Context, data: CellsData) {
  const { first, count } = cx.layout;
  const own = data.lane === "patched";
  return Array.from({ length: count }, (_, i) => first + i).map((layer) => {
    const inner = layerCells(layer, cx.scene.model).map((cell) => drawn(cx, data, cell));
    return own ? svg`<g role="row" aria-label="layer ${layer}">${inner}</g>` : svg`<g>${inner}</g>`;
  });
}
