/** Whole patterns of attention as pixels, on axes that the runs share: a row for each query, a column for each key. */

import type { Column } from "../model/counterparts";
import type { Lane, Prompt } from "../model/experiment";
import type { HeadFacts } from "../model/head";
import { clamp, range } from "../model/math";
import type { Theme } from "../model/theme";
import { attentionIn, promptOf } from "./attention";
import { colourOf, rangeOf } from "./map-colours";
import { DIVERGING, mix } from "./oklab";

const INK: Readonly<Record<Theme, Readonly<Record<Lane, string>>>> = {
  light: { clean: "#0072B2", patched: "#3D1466", corrupted: "#C75300" },
  dark: { clean: "#4DA3DA", patched: "#EBDDFF", corrupted: "#EE8A45" },
};

const STEPS = 100;

const ramps = new Map<string, readonly string[]>();

/** From no attention to all of it: blues, violets, oranges. */
function ramp(lane: Lane, theme: Theme): readonly string[] {
  const key = `${lane} ${theme}`;
  const known = ramps.get(key);
  if (known !== undefined) return known;
  const [from, to] = [DIVERGING[theme][2], INK[theme][lane]];
  const made = range(STEPS + 1).map((i) => mix(from, to, i / STEPS));
  ramps.set(key, made);
  return made;
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

function pixels(
  columns: readonly Column[],
  colour: (query: number, key: number) => string,
): Pixels {
  const n = columns.length;
  const data = new Uint8ClampedArray(n * n * 4);
  for (let query = 0; query < n; query++) {
    for (let key = 0; key < n; key++) {
      const hex = colour(query, key);
      if (hex === "") continue;
      const rgb = Number.parseInt(hex.slice(1), 16);
      data.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255], (query * n + key) * 4);
    }
  }
  return { width: n, height: n, data };
}

/** What the drawing of whole patterns needs: their columns, and how the runs read them. */
export interface Pattern {
  readonly facts: HeadFacts;
  readonly host: Prompt;
  readonly columns: readonly Column[];
}

function valueAt(
  { facts, host, columns }: Pattern,
  lane: Lane,
  query: number,
  key: number,
): number {
  const prompt = promptOf(lane, host);
  return attentionIn(facts.attention[lane], columns[query]?.[prompt], columns[key]?.[prompt]);
}

/** The pattern of one run; what a run has no tokens for stays empty, and so do keys after their query. */
export function patternPixels(pattern: Pattern, lane: Lane, theme: Theme): Pixels {
  const colours = ramp(lane, theme);
  return pixels(pattern.columns, (query, key) => {
    const value = valueAt(pattern, lane, query, key);
    if (Number.isNaN(value) || key > query) return "";
    return colours[Math.round(clamp(value, 0, 1) * STEPS)] ?? "";
  });
}

/** Patched minus host, on the diverging scale. */
export function differencePixels(
  pattern: Pattern,
  theme: Theme,
): { readonly pixels: Pixels; readonly range: number } {
  const { columns, host } = pattern;
  const n = columns.length;
  const difference = Float64Array.from({ length: n * n }, (_, i) => {
    const [query, key] = [Math.floor(i / n), i % n];
    return valueAt(pattern, "patched", query, key) - valueAt(pattern, host, query, key);
  });
  const most = rangeOf(difference);
  return {
    range: most,
    pixels: pixels(columns, (query, key) => {
      const value = difference[query * n + key] ?? Number.NaN;
      return Number.isNaN(value) || key > query ? "" : colourOf(value, most, theme);
    }),
  };
}
