/** The colours of a map: how far its scale reaches and how a cell is painted. */

import { type Direction, towardsClean } from "../model/experiment";
import { type MapData, type MapLook, mapLook } from "../model/map";
import { clamp } from "../model/math";
import type { Theme } from "../model/theme";
import { diverging } from "./oklab";

const RANGES = [0.05, 0.1, 0.2, 0.5, 1] as const;

const STEPS = 100;

/** A negative cell has a dash from this part of the range on. */
const DASHED = 0.08;

/** A notch says that a cell goes further than the colours, by more than can be seen: as in the lanes. */
const OVER = 1.05;

/** The range of a map: ±1 until it is complete, so that its colours change at most once. */
export function mapRange(map: MapData | undefined): number {
  return map === undefined || map.done < map.total ? 1 : rangeOf(map.share);
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

const palettes = new Map<string, readonly string[]>();

/** The scale in 201 steps from its orange to its blue end; of ablations, in greys. */
export function palette(theme: Theme, grey = false): readonly string[] {
  const key = `${theme} ${grey}`;
  const known = palettes.get(key);
  if (known !== undefined) return known;
  const made = Array.from({ length: 2 * STEPS + 1 }, (_, i) =>
    diverging(i / STEPS - 1, theme, grey),
  );
  palettes.set(key, made);
  return made;
}

export function colourOf(value: number, range: number, theme: Theme, grey = false): string {
  const at = Math.round((clamp(value / range, -1, 1) + 1) * STEPS);
  return palette(theme, grey)[at] ?? "";
}

export interface MapPaint {
  readonly look: MapLook;
  /** Towards clean, in shares. */
  readonly value: number;
  readonly fill: string;
  /** Towards corrupted, and strong enough to be marked for greyscale. */
  readonly dash: boolean;
  /** Further than the scale reaches. */
  readonly over: boolean;
}

/** A cell without a number. */
export function unpainted(look: MapLook): MapPaint {
  return { look, value: Number.NaN, fill: "none", dash: false, over: false };
}

export function mapPaint(
  map: MapData,
  index: number,
  scale: {
    readonly range: number;
    readonly direction: Direction;
    readonly theme: Theme;
    readonly grey?: boolean;
  },
): MapPaint {
  const look = mapLook(map, index);
  if (look !== "value") return unpainted(look);
  const value = towardsClean(map.share[index] ?? Number.NaN, scale.direction);
  return {
    look,
    value,
    fill: colourOf(value, scale.range, scale.theme, scale.grey),
    dash: value <= -DASHED * scale.range,
    over: Math.abs(value) > scale.range * OVER,
  };
}

/** A map as pixels, one per cell; cells without a value are transparent. An estimate stands in for pending ones. */
export function pixelsOf(
  map: MapData,
  from: number,
  scale: Parameters<typeof mapPaint>[2],
  estimate?: MapData,
): {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
} {
  const width = map.columns - from;
  const data = new Uint8ClampedArray(width * map.rows * 4);
  for (let row = 0; row < map.rows; row++) {
    for (let column = 0; column < width; column++) {
      const index = row * map.columns + from + column;
      const exact = mapPaint(map, index, scale);
      const { look, fill } =
        exact.look === "pending" && estimate !== undefined
          ? mapPaint(estimate, index, scale)
          : exact;
      if (look !== "value") continue;
      const rgb = Number.parseInt(fill.slice(1), 16);
      data.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255], (row * width + column) * 4);
    }
  }
  return { width, height: map.rows, data };
}
