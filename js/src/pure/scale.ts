/** The colours of a map: how far its scale reaches, what a cell looks like. Nothing is drawn here. */

import type { Cells, Direction } from "../protocol";
import { diverging, towardsClean } from "./oklab";

type Theme = "light" | "dark";
export type CellLook = "pending" | "undefined" | "zero" | "value" | "unpatchable";

const RANGES = [0.05, 0.1, 0.2, 0.5, 1] as const;
const STEPS = 100;
/** Fainter than this part of the range, a negative cell needs no dash. */
const DASHED = 0.08;
export const DASH_FROM = { w: 10, h: 5 } as const;

/** The range of a map: ±1 until it is whole, so that its colours change once at most. */
export function rangeOfMap(cells: Cells | undefined): number {
  return cells === undefined || cells.done < cells.total ? 1 : rangeOf(cells.share);
}

/** The end of the scale: 1, or the next of 0.5, 0.2, 0.1, 0.05 that holds the largest value. */
export function rangeOf(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] ?? 0);
    if (size > most) most = size;
  }
  return RANGES.find((range) => most <= range) ?? 1;
}

const palettes = new Map<Theme, readonly string[]>();

/** The scale in 201 steps from its orange to its blue end. */
export function palette(theme: Theme): readonly string[] {
  const known = palettes.get(theme);
  if (known !== undefined) return known;
  const made = Array.from({ length: 2 * STEPS + 1 }, (_, i) => diverging(i / STEPS - 1, theme));
  palettes.set(theme, made);
  return made;
}

export function colourOf(value: number, range: number, theme: Theme): string {
  const at = Math.round((Math.min(1, Math.max(-1, value / range)) + 1) * STEPS);
  return palette(theme)[at] ?? "";
}

/** What is known of a cell. A share that is undefined though the effect is known is not "not yet". */
export function lookAt(cells: Cells, index: number): CellLook {
  if (cells.unpatchable.has(index)) return "unpatchable";
  const [share, effect] = [cells.share[index] ?? Number.NaN, cells.effect[index] ?? Number.NaN];
  if (Number.isNaN(share)) {
    return Number.isNaN(effect) && cells.done < cells.total ? "pending" : "undefined";
  }
  return share === 0 && (effect === 0 || Number.isNaN(effect)) ? "zero" : "value";
}

export interface Painted {
  readonly look: CellLook;
  /** Towards clean, in shares. */
  readonly value: number;
  readonly fill: string;
  /** Towards corrupted, and strong enough to be told in greyscale. */
  readonly dash: boolean;
  /** Further than the scale reaches. */
  readonly over: boolean;
}

export function paintedAt(
  cells: Cells,
  index: number,
  scale: { readonly range: number; readonly direction: Direction; readonly theme: Theme },
): Painted {
  const look = lookAt(cells, index);
  if (look !== "value") return { look, value: Number.NaN, fill: "none", dash: false, over: false };
  const value = towardsClean(cells.share[index] ?? Number.NaN, scale.direction);
  return {
    look,
    value,
    fill: colourOf(value, scale.range, scale.theme),
    dash: value <= -DASHED * scale.range,
    over: Math.abs(value) > scale.range * 1.0005,
  };
}

/** A map as pixels, one a cell; cells without a value are left to what lies under them. */
export function pixelsOf(
  cells: Cells,
  from: number,
  scale: Parameters<typeof paintedAt>[2],
): {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
} {
  const width = cells.columns - from;
  const data = new Uint8ClampedArray(width * cells.rows * 4);
  for (let row = 0; row < cells.rows; row++) {
    for (let column = 0; column < width; column++) {
      const { look, fill } = paintedAt(cells, row * cells.columns + from + column, scale);
      if (look !== "value") continue;
      const rgb = Number.parseInt(fill.slice(1), 16);
      data.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255], (row * width + column) * 4);
    }
  }
  return { width, height: cells.rows, data };
}
