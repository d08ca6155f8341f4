/** Where everything in the lanes lies. One function for cells, rings, arrow and hit areas. */

import type { Lane } from "../protocol";
import type { Cell } from "./sites";

export const LANES: readonly Lane[] = ["clean", "patched", "corrupted"];

export interface Shape {
  readonly layers: number;
  readonly heads: number;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface LaneLayout {
  readonly top: number;
  readonly svgTop: number;
  readonly height: number;
  readonly svgHeight: number;
  readonly rowPitch: number;
  readonly cellHeight: number;
  readonly streamTop: number;
}

export interface Layout {
  readonly width: number;
  readonly wide: boolean;
  readonly compact: boolean;
  readonly gutter: number;
  readonly outputs: number;
  readonly body: number;
  readonly left: number;
  readonly first: number;
  readonly count: number;
  readonly layers: number;
  readonly pitch: number;
  readonly columns: number;
  readonly rows: number;
  readonly headLeft: number;
  readonly headWidth: number;
  readonly columnWidth: number;
  readonly mlpLeft: number;
  readonly mlpWidth: number;
  readonly channel: number;
  readonly lanes: Readonly<Record<Lane, LaneLayout>>;
  readonly height: number;
}

export const RIBBON = 22;
export const STREAM_HEIGHT = 26;
const LANE_HEAD = 24;
const GAP = 6;
const PAD = 12;
const EDGE = 8;
const HEADS_MAX = { clean: 56, patched: 96, corrupted: 56 } as const;
const CELL_MAX = { w: 64, h: 18 } as const;
const ROWS_MAX = 16;

/** The layers shown: all where they fit, else a window that begins at `first`. */
function windowOf(body: number, shape: Shape, columns: number, first: number) {
  const least = columns === 1 ? 15.5 : columns * 8 + 9;
  const count = Math.max(1, Math.min(shape.layers, Math.floor(body / least)));
  return { count, first: Math.max(0, Math.min(first, shape.layers - count)) };
}

function laneLayout(lane: Lane, top: number, rows: number, wide: boolean): LaneLayout {
  const rowPitch = Math.min(CELL_MAX.h + 2, HEADS_MAX[lane] / rows);
  const gap = rowPitch >= 9 ? 2 : rowPitch >= 5 ? 1.25 : 0.75;
  const svgTop = top + 1 + (wide ? 0 : LANE_HEAD) + RIBBON;
  const streamTop = 5 + rows * rowPitch + 4;
  const svgHeight = streamTop + STREAM_HEIGHT;
  const height = svgTop - top + svgHeight + 3;
  return { top, svgTop, height, svgHeight, rowPitch, cellHeight: rowPitch - gap, streamTop };
}

function lanesOf(rows: number, wide: boolean): Pick<Layout, "lanes" | "height"> {
  const clean = laneLayout("clean", 0, rows, wide);
  const patched = laneLayout("patched", clean.height + GAP, rows, wide);
  const corrupted = laneLayout("corrupted", patched.top + patched.height + GAP, rows, wide);
  return { lanes: { clean, patched, corrupted }, height: corrupted.top + corrupted.height };
}

export function layoutOf(width: number, shape: Shape, first = 0): Layout {
  const wide = width >= 900;
  const gutter = wide ? 116 : 0;
  const outputs = wide ? 168 : 0;
  const body = Math.max(120, width - 2 * PAD - gutter - outputs - 2 - 2 * EDGE);
  const columns = Math.max(1, Math.ceil(shape.heads / ROWS_MAX));
  const rows = Math.max(1, Math.ceil(shape.heads / columns));
  const shown = windowOf(body, shape, columns, first);
  const pitch = Math.min(body / shown.count, columns * CELL_MAX.w * 3.6);
  const headWidth = Math.min(pitch * (columns === 1 ? 0.54 : 0.74), columns * CELL_MAX.w);
  const headLeft = Math.min(4, pitch * 0.06);
  const mlpWidth = Math.max(5, Math.min(44, pitch * (columns === 1 ? 0.34 : 0.2)));
  const channel = pitch - Math.max(1.5, Math.min(9, (pitch - headWidth) * 0.2));
  const mlpLeft = channel - mlpWidth - Math.min(6, pitch * 0.07);
  return {
    width,
    wide,
    compact: width < 600,
    gutter,
    outputs,
    body,
    left: gutter + 1 + EDGE,
    ...shown,
    layers: shape.layers,
    pitch,
    columns,
    rows,
    headLeft,
    headWidth,
    columnWidth: headWidth / columns,
    mlpLeft,
    mlpWidth,
    channel,
    ...lanesOf(rows, wide),
  };
}

export function layerLeft(layout: Layout, layer: number): number {
  return (layer - layout.first) * layout.pitch;
}

export function visible(layout: Layout, layer: number): boolean {
  return layer >= layout.first && layer < layout.first + layout.count;
}

/** A cell's box inside its lane's drawing. */
export function boxOf(layout: Layout, lane: Lane, cell: Cell): Box {
  const at = layout.lanes[lane];
  const left = layerLeft(layout, cell.layer);
  const middle = at.streamTop + STREAM_HEIGHT / 2;
  if (cell.component === "z") {
    const index = cell.index ?? 0;
    const column = Math.floor(index / layout.rows);
    const x = left + layout.headLeft + column * layout.columnWidth;
    const y = 5 + (index % layout.rows) * at.rowPitch;
    return { x, y, w: layout.columnWidth - (layout.columns > 1 ? 1 : 0), h: at.cellHeight };
  }
  if (cell.component === "mlp_out") {
    return { x: left + layout.mlpLeft, y: middle - 9, w: layout.mlpWidth, h: 18 };
  }
  if (cell.component === "attn_out") {
    const w = Math.min(12, Math.max(5, layout.headWidth * 0.55));
    const x = left + layout.headLeft + (layout.headWidth - w) / 2;
    return { x, y: at.streamTop - 3, w, h: STREAM_HEIGHT / 2 + 3 };
  }
  const w = Math.min(9, Math.max(5, layout.pitch - layout.mlpLeft - layout.mlpWidth));
  return { x: left + layout.pitch - w / 2 - 1, y: middle - 6, w, h: 12 };
}

/** The same box on the page of all three lanes. */
export function pageBox(layout: Layout, lane: Lane, cell: Cell): Box {
  const box = boxOf(layout, lane, cell);
  return { ...box, x: box.x + layout.left, y: box.y + layout.lanes[lane].svgTop };
}

/** The splice: out of the source cell, along the gap between the columns, into the patched cell. */
export function arrowPath(layout: Layout, from: Lane, cell: Cell): string {
  const a = pageBox(layout, from, cell);
  const b = pageBox(layout, "patched", cell);
  if (cell.component === "mlp_out" || cell.component === "resid_post") {
    const x = a.x + a.w / 2;
    return b.y > a.y ? `M${x} ${a.y + a.h}V${b.y - 2}` : `M${x} ${a.y}V${b.y + b.h + 2}`;
  }
  const [y1, y2] = [a.y + a.h / 2, b.y + b.h / 2];
  const down = y2 > y1 ? 1 : -1;
  const gap = layout.left + layerLeft(layout, cell.layer) + layout.channel;
  const [x1, x2] = [a.x + a.w, b.x + b.w + 1];
  const r = Math.max(0, Math.min(8, gap - x2 - 1));
  return [
    `M${x1} ${y1}H${gap - r}`,
    `Q${gap} ${y1} ${gap} ${y1 + down * r}`,
    `V${y2 - down * r}`,
    `Q${gap} ${y2} ${gap - r} ${y2}H${x2}`,
  ].join("");
}

/** Where a window of layers should begin so that a layer can be seen; unchanged where it can. */
export function following(layout: Layout, layer: number): number {
  if (visible(layout, layer)) return layout.first;
  const third = Math.floor(layout.count / 3);
  const first = layer < layout.first ? layer - Math.min(2, third) : layer - third;
  return Math.max(0, Math.min(first, layout.layers - layout.count));
}

/** Every how many layers the axis has a label. */
export function axisStep(pitch: number): number {
  return [1, 2, 5, 10].find((step) => step * pitch >= 22) ?? 20;
}
