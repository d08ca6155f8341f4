/** How wide the charts are. */

import type { MapName } from "../model/map";
import type { PageLayout } from "./page";

const CHART_RATIO = { heads: 4, positions: 5, others: 3 } as const;

const GAPS = 12;

/** The tabs beside the maps stand in one line from this width on, where the maps can give it away. */
const TABS = 344;

const GENEROUS = 1080;

const AROUND = 26;

/** A page that is being laid out may still have no width. */
const LEAST = 120;

/** The widths of two maps and of the tabs beside them. */
export function chartWidths({ inner }: PageLayout): Record<keyof typeof CHART_RATIO, number> {
  const { positions, heads, others } = CHART_RATIO;
  const even = ((inner - GAPS) * others) / (positions + heads + others);
  const beside = inner < GENEROUS ? even : Math.max(TABS, even);
  const part = (inner - GAPS - beside) / (positions + heads);
  return { positions: part * positions, heads: part * heads, others: beside };
}

/** The width of a map's drawing inside its chart. */
export function mapWidth(layout: PageLayout, name: MapName): number {
  if (!layout.wide) return Math.max(LEAST, layout.inner - AROUND);
  return Math.floor(chartWidths(layout)[name]) - AROUND;
}
