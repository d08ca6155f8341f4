/** Where the lanes and their layers lie on the page. */

import type { Lane } from "../model/experiment";
import { clamp } from "../model/math";

export const LANES: readonly Lane[] = ["clean", "patched", "corrupted"];

interface Shape {
  readonly layers: number;
  readonly heads: number;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface LaneLayout {
  readonly top: number;
  readonly svgTop: number;
  readonly height: number;
  readonly svgHeight: number;
  readonly rowPitch: number;
  readonly cellHeight: number;
  readonly streamTop: number;
}

export interface PageLayout {
  readonly width: number;
  /** The width without the padding of the page. */
  readonly inner: number;
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

const TOKEN_ROW = 22;

export const STREAM_HEIGHT = 26;

const LANE_HEAD = 24;

const GAP = 6;

const PAD = 12;

const EDGE = 8;

const HEADS_MAX = { clean: 56, patched: 96, corrupted: 56 } as const;

const CELL_MAX = { w: 64, h: 18 } as const;

const ROWS_MAX = 16;

/** The layers that are shown: all if they fit, otherwise a window that begins at `first`. */
function windowOf(body: number, shape: Shape, columns: number, first: number) {
  const least = columns === 1 ? 15.5 : columns * 8 + 9;
  const count = clamp(Math.floor(body / least), 1, shape.layers);
  return { count, first: clamp(first, 0, shape.layers - count) };
}

function laneLayout(lane: Lane, top: number, rows: number, wide: boolean): LaneLayout {
  const rowPitch = Math.min(CELL_MAX.h + 2, HEADS_MAX[lane] / rows);
  const gap = rowPitch >= 9 ? 2 : rowPitch >= 5 ? 1.25 : 0.75;
  const svgTop = top + 1 + (wide ? 0 : LANE_HEAD) + TOKEN_ROW;
  const streamTop = 5 + rows * rowPitch + 4;
  const svgHeight = streamTop + STREAM_HEIGHT;
  const height = svgTop - top + svgHeight + 3;
  return { top, svgTop, height, svgHeight, rowPitch, cellHeight: rowPitch - gap, streamTop };
}

function lanesOf(rows: number, wide: boolean): Pick<PageLayout, "lanes" | "height"> {
  const clean = laneLayout("clean", 0, rows, wide);
  const patched = laneLayout("patched", clean.height + GAP, rows, wide);
  const corrupted = laneLayout("corrupted", patched.top + patched.height + GAP, rows, wide);
  return { lanes: { clean, patched, corrupted }, height: corrupted.top + corrupted.height };
}

export function pageLayout(width: number, shape: Shape, first = 0): PageLayout {
  const wide = width >= 900;
  const gutter = wide ? 116 : 0;
  const outputs = wide ? 168 : 0;
  const inner = width - 2 * PAD;
  const body = Math.max(120, inner - gutter - outputs - 2 - 2 * EDGE);
  const columns = Math.max(1, Math.ceil(shape.heads / ROWS_MAX));
  const rows = Math.max(1, Math.ceil(shape.heads / columns));
  const shown = windowOf(body, shape, columns, first);
  const pitch = Math.min(body / shown.count, columns * CELL_MAX.w * 3.6);
  const headWidth = Math.min(pitch * (columns === 1 ? 0.54 : 0.74), columns * CELL_MAX.w);
  const headLeft = Math.min(4, pitch * 0.06);
  const mlpWidth = clamp(pitch * (columns === 1 ? 0.34 : 0.2), 5, 44);
  const channel = pitch - clamp((pitch - headWidth) * 0.2, 1.5, 9);
  const mlpLeft = channel - mlpWidth - Math.min(6, pitch * 0.07);
  return {
    width,
    inner,
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

export function layerLeft(layout: PageLayout, layer: number): number {
  return (layer - layout.first) * layout.pitch;
}

export function layerVisible(layout: PageLayout, layer: number): boolean {
  return layer >= layout.first && layer < layout.first + layout.count;
}

/** Where the window of layers should begin so that a layer can be seen; unchanged if it can be. */
export function firstLayerToShow(layout: PageLayout, layer: number): number {
  if (layerVisible(layout, layer)) return layout.first;
  const third = Math.floor(layout.count / 3);
  const first = layer < layout.first ? layer - Math.min(2, third) : layer - third;
  return clamp(first, 0, layout.layers - layout.count);
}

/** The axis labels every n-th layer; this is n. */
export function axisStep(pitch: number): number {
  return [1, 2, 5, 10].find((step) => step * pitch >= 22) ?? 20;
}
