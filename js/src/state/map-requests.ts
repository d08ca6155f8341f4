/** Which maps the page asks for. */

import { refusalReason, type Scene, type ShownPair } from "../model/experiment";
import {
  headsShape,
  isComplete,
  type MapName,
  type MapShape,
  type MapSweepRequest,
  mapKey,
  mapRequest,
  positionsShape,
  requestedShape,
} from "../model/map";
import { positionText } from "../model/position";
import { fitsBoxes } from "../model/source";
import { isLost } from "../model/status";
import type { State } from "./state";

/** The position at which a click patches a head, as a site writes it; undefined means all. */
export function scopeOf(state: State, scene: Scene): string | undefined {
  return positionText(state.position, scene.task.clean.length);
}

/** The maps of a request that are not known yet in whole. */
export function missingMaps({ sweep }: State, request: MapSweepRequest): MapSweepRequest["maps"] {
  return request.maps.filter((map) => {
    const known = sweep.maps[mapKey(requestedShape(map), request)];
    return known === undefined || !isComplete(known);
  });
}

/** The maps to ask for now; undefined if there are none, or while a patch is pending. */
export function wantedSweep(state: State): MapSweepRequest | undefined {
  const { scene, pending } = state;
  return scene === undefined || pending !== undefined ? undefined : sweepOf(state, scene.pair);
}

/** The maps of a pair; undefined if there are none. */
export function sweepOf(state: State, pair: ShownPair): MapSweepRequest | undefined {
  const { scene, connection, field, direction, metric, source } = state;
  if (!scene?.can_sweep || isLost(connection) || !fitsBoxes(source)) return undefined;
  const names: readonly MapName[] = ["heads", "positions"];
  const maps = names
    .map((name) => mapRequest(name, shapeOf(state, scene, name)))
    .filter(({ component }) => refusalReason(scene, component) === undefined);
  return maps.length === 0 ? undefined : { maps, field, direction, metric, pair, source };
}

/** Which cells a map has now. */
export function shapeOf(state: State, scene: Scene, name: MapName): MapShape {
  return name === "heads"
    ? headsShape(state.headComponent, scopeOf(state, scene))
    : positionsShape(state.mapComponent, state.mapLayer);
}
