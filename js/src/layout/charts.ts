/** How wide the charts are. */

import type { MapName } from "../model/map";
import type { PageLayout } from "./page";

const CHART_RATIO = { heads: 4, positions: 5, others: 3 } as const;

const AROUND = 26;

/** A page that is being laid out may still have no width. */
const LEAST = 120;

/** The width of a map's drawing inside its chart. */
export function mapWidth(layout: PageLayout, name: MapName): number {
  if (!layout.wide) return Math.max(LEAST, layout.inner - AROUND);
  const part =
    (layout.inner - 12) / (CHART_RATIO.heads + CHART_RATIO.positions + CHART_RATIO.others);
  return Math.floor(part * CHART_RATIO[name]) - AROUND;
}
