/** Decodes the `cells` message: a whole map so far. */

import type { MapData } from "../model/map";
import type { Grid } from "../model/result";
import { decodeDirection, decodePair } from "./decode-scene";
import { decodeSource } from "./decode-source";
import { type Buffers, decodeGrids } from "./grids";
import {
  count,
  DecodeError,
  Fields,
  listOf,
  maybeNumber,
  messageOr,
  number,
  oneOf,
  text,
} from "./validate";

/** The numbers of one array, which must have the shape of the map. */
function values(
  grids: Readonly<Record<string, Grid>>,
  name: string,
  shape: readonly number[],
): ArrayLike<number> {
  const grid = grids[name];
  if (grid === undefined) throw new DecodeError(`cells.buffers: ${name} is missing`);
  const [expected, got] = [shape.join(" × "), grid.shape.join(" × ")];
  if (got !== expected) throw new DecodeError(`cells.${name}: expected ${expected}, got ${got}`);
  return grid.data;
}

export function decodeMap(value: unknown, buffers: Buffers): MapData {
  const f = new Fields(value, "cells");
  const shape = f.get("shape", listOf(count));
  const [rows = 0, columns = 0] = shape;
  const [down, across] = f.get("over", listOf(text));
  const reason = f.getOr("reason", messageOr(undefined), undefined);
  const grids = reason === undefined ? decodeGrids(f, f, buffers) : {};
  const array = (name: string) => (reason === undefined ? values(grids, name, shape) : []);
  return {
    id: f.get("id", number),
    name: f.get("name", text),
    component: f.get("component", text),
    down: oneOf("layer", "head")(down, "cells.over[0]"),
    across: oneOf("head", "pos")(across, "cells.over[1]"),
    position: f.has("position") ? f.get("position", text) : undefined,
    direction: f.get("direction", decodeDirection),
    metric: f.get("metric", text),
    source: f.getOr("source", decodeSource, "source"),
    layer: f.getOr("layer", count, undefined),
    field: f.getOr("field", text, "total"),
    pair: f.getOr("pair", decodePair, "mean"),
    rows,
    columns,
    done: f.get("done", count),
    total: f.get("total", count),
    zero: f.getOr("zero", count, 0),
    unpatchable: new Set(f.getOr("unpatchable", listOf(count), [])),
    secondsLeft: f.get("seconds_left", maybeNumber),
    reason,
    share: array("share"),
    effect: array("effect"),
  };
}
