/** Where the cells of a map lie: rows are layers, columns are heads or tokens. One geometry for SVG and canvas. */

import { range } from "../model/math";
import type { Box } from "./page";

/** Maps with more cells than this are painted on a canvas. */
const SVG_MOST = 2000;

const NUMBER_FITS = { w: 42, h: 16, character: 7 } as const;
const PLOT = { height: 224, row: 36, column: 72 } as const;

/** Room for the layer numbers and for what they are. */
const LEFT = 38;

const FOLD = 22;

const CHARACTER = 6.7;

const TILT = (40 * Math.PI) / 180;

const NARROWEST = 18;

const TICKS = 18;

interface MapSize {
  readonly rows: number;
  readonly columns: number;
  readonly room: number;
  /** How many leading columns are drawn as one. */
  readonly fold: number;
  readonly labels: readonly string[];
}

export interface MapLayout {
  readonly rows: number;
  readonly columns: number;
  readonly fold: number;
  readonly left: number;
  readonly foldWidth: number;
  readonly pitch: number;
  readonly rowPitch: number;
  readonly plotWidth: number;
  readonly plotHeight: number;
  readonly gapX: number;
  readonly gapY: number;
  readonly tilted: boolean;
  readonly width: number;
  readonly height: number;
  readonly raster: boolean;
}

/** A whole number of pixels where the pitch is large enough, so that all cells have one size on the screen. */
function even(pitch: number): number {
  return pitch >= 4 ? Math.floor(pitch) : pitch;
}

function gapOf(pitch: number): number {
  return pitch >= 9 ? 1.5 : pitch >= 4 ? 1 : 0;
}

function labelWidth(label: string): number {
  return Array.from(label).length * CHARACTER;
}

/** How many leading columns of identical tokens to draw as one; 0 if they have room. */
export function foldedColumns(columns: number, firstDiffers: number, room: number): number {
  const crowded = (room - LEFT) / Math.max(1, columns) < NARROWEST;
  return crowded && firstDiffers >= 4 && firstDiffers < columns ? firstDiffers : 0;
}

/** The left margin: room for the layer numbers, their name, and for the first tilted label. */
function marginOf(labels: readonly string[], tilted: boolean, pitch: number): number {
  if (!tilted) return LEFT;
  const reach = labels.map((label, i) => labelWidth(label) * Math.cos(TILT) - (i + 0.5) * pitch);
  return Math.max(LEFT, ...reach.map(Math.ceil));
}

export function mapLayout({ rows, columns, room, fold, labels }: MapSize): MapLayout {
  const shown = Math.max(1, columns - fold);
  const foldWidth = fold > 0 ? FOLD : 0;
  const named = labels.slice(fold);
  const pitchAt = (left: number) => even(Math.min(PLOT.column, (room - left - foldWidth) / shown));
  const tilted = named.some((label) => labelWidth(label) > pitchAt(LEFT) - 3);
  const left = fold > 0 ? LEFT : marginOf(named, tilted, pitchAt(LEFT));
  const pitch = pitchAt(left);
  const rowPitch = even(Math.min(PLOT.row, PLOT.height / Math.max(1, rows)));
  const longest = Math.max(0, ...named.map(labelWidth));
  const zone = tilted ? Math.ceil(longest * Math.sin(TILT)) + 12 : TICKS;
  const plotHeight = rows * rowPitch;
  return {
    rows,
    columns,
    fold,
    left,
    foldWidth,
    pitch,
    rowPitch,
    plotWidth: foldWidth + shown * pitch,
    plotHeight,
    gapX: gapOf(pitch),
    gapY: gapOf(rowPitch),
    tilted,
    width: room,
    height: plotHeight + zone,
    raster: rows * shown > SVG_MOST,
  };
}

export function columnLeft(layout: MapLayout, column: number): number {
  if (column < layout.fold) return layout.left;
  return layout.left + layout.foldWidth + (column - layout.fold) * layout.pitch;
}

/** The box of a cell, or of the cells of a row up to, but not including, `end`. */
export function mapBox(layout: MapLayout, row: number, column: number, end = column + 1): Box {
  const x = columnLeft(layout, column);
  const last = end <= layout.fold ? layout.foldWidth : layout.pitch;
  const w = columnLeft(layout, end - 1) + last - x - layout.gapX;
  return { x, y: row * layout.rowPitch, w, h: layout.rowPitch - layout.gapY };
}

/** Whether a cell has room for a number. */
export function hasNumber({ w, h }: Box): boolean {
  return w >= NUMBER_FITS.w && h >= NUMBER_FITS.h;
}

/** Whether a number has room in a cell, in the widest of the usual fonts. */
export function numberFits(text: string, { w }: Box): boolean {
  return text.length * NUMBER_FITS.character <= w;
}

/** The cell under a point of the drawing; the gaps belong to the cell before them. */
export function cellAtPoint(
  layout: MapLayout,
  x: number,
  y: number,
): { readonly row: number; readonly column: number } | undefined {
  const row = Math.floor(y / layout.rowPitch);
  const over = x - layout.left - layout.foldWidth;
  const column = layout.fold + Math.floor(over / layout.pitch);
  const inside = row >= 0 && row < layout.rows && over >= 0 && column < layout.columns;
  return inside ? { row, column } : undefined;
}

/** The columns that have a label: the wanted ones first, then as many others as there is room for. */
export function labelledColumns(layout: MapLayout, wanted: readonly number[]): readonly number[] {
  const every = [1, 2, 4, 5, 8, 10, 16, 20].find((n) => n * layout.pitch >= TICKS) ?? 50;
  const shown: number[] = [];
  const rest = range(layout.columns).filter((i) => i % every === 0);
  for (const column of [...wanted, ...rest]) {
    const free = shown.every((other) => Math.abs(other - column) * layout.pitch >= TICKS);
    if (column >= layout.fold && column < layout.columns && free) shown.push(column);
  }
  return shown.sort((a, b) => a - b);
}
