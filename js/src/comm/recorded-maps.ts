/** Maps of a saved page, from the single sites that were computed before. */

import type { MapSweepRequest } from "../model/map";
import type { Answer, RecordedSites } from "./recorded-sites";

type Asked = MapSweepRequest["maps"][number];

export interface Sizes {
  readonly layers: number;
  readonly heads: number;
  readonly positions: number;
}

/** The sites of a map's cells, row by row; undefined for one that a page never has. */
function sitesOf(
  map: Asked,
  sizes: Sizes,
): { shape: readonly number[]; sites: string[] } | undefined {
  const [down, across] = map.over;
  if (down !== "layer") return undefined;
  const at = map.position === undefined || map.position === null ? "" : `@${map.position}`;
  const columns = across === "head" ? sizes.heads : sizes.positions;
  const unit = map.component === "z" ? "" : `.${map.component}`;
  const site = (layer: number, column: number) =>
    across === "head" ? `L${layer}.H${column}${unit}${at}` : `L${layer}${unit}@${column}`;
  const cells = Array.from({ length: sizes.layers * columns }, (_, i) =>
    site(Math.floor(i / columns), i % columns),
  );
  return { shape: [sizes.layers, columns], sites: cells };
}

const NOT_THERE = "This map was not computed before this page was saved.";

function callOf({ component, over }: Asked): string {
  const axes = over.map((axis) => `'${axis}'`).join(", ");
  return `exp.sweep('${component}', over=(${axes}))`;
}

/** A map as the kernel would send it, whole; or why there is none. */
export function mapAnswer(
  map: Asked,
  request: MapSweepRequest,
  recorded: RecordedSites | undefined,
  sizes: Sizes,
): Answer {
  const { field = "total", direction, metric, pair, source = "source" } = request;
  const about = { kind: "cells", ...map, field, direction, metric, pair, source, seconds_left: 0 };
  const cells = sitesOf(map, sizes);
  const readings =
    field === "total" && source === "source" && pair === recorded?.pair
      ? (cells?.sites ?? []).map((site) => recorded.reading(site, direction, metric))
      : [];
  const known = readings.filter((reading) => reading !== undefined);
  if (cells === undefined || known.length === 0) {
    const none = { shape: [0, 0], done: 0, total: 0, zero: 0, unpatchable: [], buffers: [] };
    const reason = `${NOT_THERE} In Python: ${callOf(map)}`;
    return { message: { ...about, ...none, reason }, buffers: [] };
  }
  const shape = cells.shape;
  const array = (name: "share" | "effect") =>
    new DataView(Float32Array.from(readings, (each) => each?.[name] ?? Number.NaN).buffer);
  const message = {
    ...about,
    shape,
    done: known.length,
    total: known.length,
    zero: known.filter(({ effect }) => effect === 0).length,
    unpatchable: readings.flatMap((each, i) => (each === undefined ? [i] : [])),
    buffers: ["share", "effect"].map((name) => ({ name, dtype: "float32", shape })),
  };
  return { message, buffers: [array("share"), array("effect")] };
}
