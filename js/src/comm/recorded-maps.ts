/** Maps of a saved page, from the single sites that were computed before. */

import type { MapSweepRequest } from "../model/map";
import { type Around, mapLines } from "./recorded-python";
import type { Answer, RecordedSites } from "./recorded-sites";

type Asked = MapSweepRequest["maps"][number];

export interface Sizes {
  readonly layers: number;
  readonly heads: number;
  readonly positions: number;
}

/** The sites of a map's cells, row by row; undefined for a map that a page never has. */
function sitesOf(
  { component, over: [down, across], position }: Asked,
  { layers, heads, positions }: Sizes,
): { shape: readonly number[]; sites: readonly string[] } | undefined {
  if (down !== "layer") return undefined;
  const at = position === undefined || position === null ? "" : `@${position}`;
  const columns = across === "head" ? heads : positions;
  const unit = component === "z" ? "" : `.${component}`;
  const site = (layer: number, column: number) =>
    across === "head" ? `L${layer}.H${column}${unit}${at}` : `L${layer}${unit}@${column}`;
  const cells = Array.from({ length: layers * columns }, (_, i) =>
    site(Math.floor(i / columns), i % columns),
  );
  return { shape: [layers, columns], sites: cells };
}

/** Where a map comes from. */
interface Origin {
  readonly recorded: RecordedSites | undefined;
  readonly sizes: Sizes;
  /** A site with its position as an index. */
  place(site: string): string;
}

/** A map as the kernel would send it, whole; or why there is none. */
export function mapAnswer(
  map: Asked,
  request: MapSweepRequest,
  { recorded, sizes, place }: Origin,
  around: Around,
): Answer {
  const { field = "total", direction, metric, pair, source = "source" } = request;
  const about = { kind: "cells", ...map, field, direction, metric, pair, source, seconds_left: 0 };
  const cells = sitesOf(map, sizes);
  const readings =
    field === "total" && source === "source"
      ? (cells?.sites ?? []).map((site) => recorded?.reading(place(site), metric, request))
      : [];
  const known = readings.filter((reading) => reading !== undefined);
  if (cells === undefined || known.length === 0) {
    const none = { shape: [0, 0], done: 0, total: 0, zero: 0, unpatchable: [], buffers: [] };
    const line = mapLines({ ...request, maps: [map] }, around);
    const reason = `This map was not computed before this page was saved; it needs Python: ${line}`;
    return { message: { ...about, ...none, reason }, buffers: [] };
  }
  const { shape } = cells;
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
