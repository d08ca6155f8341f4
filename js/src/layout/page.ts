/** Where the lanes and their layers lie on the page. */

import type { Lane } from "../model/experiment";
import { clamp } from "../model/math";
import { type LaneLayout, lanesOf, MULTI_COLUMN_LEAST } from "./lane-rows";

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

export interface PageLayout {
  readonly width: number;
  /** The width without the padding of the page. */
  readonly inner: number;
  /** The charts stand side by side. */
  readonly wide: boolean;
  /** Lanes have their names and outputs at their sides. */
  readonly sides: boolean;
  readonly compact: boolean;
  /** All three lanes show all their boxes; otherwise only the patched one does. */
  readonly full: boolean;
  readonly gutter: number;
  readonly outputs: number;
  /** The width of a lane's drawing, and how far left of it the names of its rows stand. */
  readonly body: number;
  readonly left: number;
  readonly ribbon: number;
  readonly first: number;
  readonly count: number;
  readonly layers: number;
  readonly pitch: number;
  readonly columns: number;
  readonly rows: number;
  readonly headLeft: number;
  readonly headWidth: number;
  readonly columnWidth: number;
  readonly channel: number;
  readonly lanes: Readonly<Record<Lane, LaneLayout>>;
  readonly height: number;
}

const PAD = 12;

const WIDE = 900;

/** A notebook in JupyterLab with its file browser open, on a screen of 1,280 px, is some 850 px wide. */
const SIDES = 780;

const EDGE = 8;

/** Room for what stands left of the lanes: their names, and the names of their rows. */
const GUTTER = { names: 92, rows: 42 } as const;

const OUTPUTS = 168;

const WIDEST_CELL = 72;

const ROWS_MAX = 16;

/** The layers that are shown: all if they fit, otherwise a window that begins at `first`. */
function windowOf(body: number, shape: Shape, columns: number, first: number) {
  const least = columns === 1 ? 15.5 : columns * MULTI_COLUMN_LEAST + 9;
  const count = clamp(Math.floor(body / least), 1, shape.layers);
  return { count, first: clamp(first, 0, shape.layers - count) };
}

/** How the heads of a layer are stacked, and how wide a layer is. */
function columnsOf(body: number, shape: Shape, first: number) {
  const columns = Math.max(1, Math.ceil(shape.heads / ROWS_MAX));
  const rows = Math.max(1, Math.ceil(shape.heads / columns));
  const shown = windowOf(body, shape, columns, first);
  const pitch = Math.min(body / shown.count, columns * WIDEST_CELL * 3.2);
  const headWidth = Math.min(pitch * (columns === 1 ? 0.66 : 0.78), columns * WIDEST_CELL);
  const headLeft = Math.min(4, pitch * 0.06);
  const channel = headLeft + headWidth + clamp((pitch - headWidth) * 0.5, 2, 9);
  return { ...shown, pitch, columns, rows, headLeft, headWidth, channel };
}

export function pageLayout(width: number, shape: Shape, first = 0, full = false): PageLayout {
  const wide = width >= WIDE;
  const sides = width >= SIDES;
  const gutter = sides ? GUTTER.names + GUTTER.rows : 0;
  const outputs = sides ? OUTPUTS : 0;
  const inner = width - 2 * PAD;
  const ribbon = Math.max(120, inner - gutter - outputs - 2 - 2 * EDGE);
  const body = Math.max(120, ribbon - (sides ? 0 : GUTTER.rows));
  const layers = columnsOf(body, shape, first);
  return {
    width,
    inner,
    wide,
    sides,
    compact: width < 600,
    full,
    gutter,
    outputs,
    body,
    left: 1 + EDGE + (sides ? gutter : GUTTER.rows),
    ribbon,
    layers: shape.layers,
    ...layers,
    columnWidth: layers.headWidth / layers.columns,
    ...lanesOf(layers.rows, { sides, full }),
  };
}

export function layerLeft(layout: PageLayout, layer: number): number {
  return (layer - layout.first) * layout.pitch;
}

/** The middle of a layer's boxes. */
export function layerMiddle(layout: PageLayout, layer: number): number {
  return layerLeft(layout, layer) + layout.headLeft + layout.headWidth / 2;
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
