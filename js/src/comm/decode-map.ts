/** Decodes the `cells` message: a whole map so far. */

import type { MapData } from "../model/map";
import type { Grid } from "../model/result";
import { type Buffers, gridsOf, plainGrid } from "./grids";
import {
  count,
  DecodeError,
  fields,
  list,
  maybeNumber,
  number,
  oneOf,
  record,
  text,
} from "./validate";

function values(
  grids: Readonly<Record<string, Grid>>,
  name: string,
  shape: readonly number[],
): ArrayLike<number> {
  const grid = grids[name];
  if (grid === undefined) throw new DecodeError(`cells.buffers: ${name} is missing`);
  if (grid.shape.join() !== shape.join()) {
    throw new DecodeError(
      `cells.${name}: expected ${shape.join(" × ")}, got ${grid.shape.join(" × ")}`,
    );
  }
  return grid.data;
}

export function decodeMap(value: unknown, buffers: Buffers): MapData {
  const f = fields(value, "cells");
  const shape = list(f.shape, "cells.shape", count);
  const [rows = 0, columns = 0] = shape;
  const [over, across] = list(f.over, "cells.over", text);
  oneOf(over, ["layer"] as const, "cells.over[0]");
  const grids =
    f.grids === undefined
      ? gridsOf(f.buffers, buffers, "cells")
      : record(f.grids, "cells.grids", plainGrid);
  return {
    id: number(f.id, "cells.id"),
    name: text(f.name, "cells.name"),
    component: text(f.component, "cells.component"),
    across: oneOf(across, ["head", "pos"] as const, "cells.over[1]"),
    rows,
    columns,
    done: count(f.done, "cells.done"),
    total: count(f.total, "cells.total"),
    zero: count(f.zero ?? 0, "cells.zero"),
    unpatchable: new Set(list(f.unpatchable ?? [], "cells.unpatchable", count)),
    exact: f.exact !== false,
    secondsLeft: maybeNumber(f.seconds_left, "cells.seconds_left"),
    share: values(grids, "share", shape),
    effect: values(grids, "effect", shape),
  };
}
