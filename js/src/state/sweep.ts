/** The maps that are known, and the sweep that fills them: their part of the reducer. */

import { type MapData, type MapSweepRequest, mapKey, type SweepPhase } from "../model/map";
import type { Failure } from "../model/status";

export interface Sweep {
  readonly id: number | undefined;
  readonly request: MapSweepRequest | undefined;
  readonly phase: SweepPhase;
  readonly message: string | undefined;
  /** Every map that the kernel ever sent, also of other directions and metrics; by `mapKey`. */
  readonly maps: Readonly<Record<string, MapData>>;
}

export type SweepEvent =
  | { readonly type: "asked"; readonly id: number; readonly request: MapSweepRequest }
  | { readonly type: "map"; readonly map: MapData }
  | { readonly type: "swept"; readonly id: number }
  | { readonly type: "dropped"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly failure: Failure }
  | { readonly type: "stopped" }
  | { readonly type: "restored"; readonly maps: Sweep["maps"] }
  /** The kernel sent its scene again: of the same experiment, or of another. */
  | { readonly type: "same-scene" | "new-scene" };

export const NO_SWEEP: Sweep = {
  id: undefined,
  request: undefined,
  phase: "idle",
  message: undefined,
  maps: {},
};

/** The numbers of a map never change: one with fewer cells done does not replace one with more. */
function withMap(sweep: Sweep, map: MapData): Sweep {
  const { request } = sweep;
  if (request === undefined || map.id !== sweep.id) return sweep;
  const key = mapKey(map.component, request.direction, request.metric);
  const known = sweep.maps[key];
  if (known !== undefined && known.done > map.done) return sweep;
  return { ...sweep, maps: { ...sweep.maps, [key]: map } };
}

/** At the end of a sweep every cell is done: one without a number is undefined, no longer pending. */
function completed(sweep: Sweep, id: number): Sweep {
  const whole = (map: MapData): MapData =>
    map.id === id && map.done < map.total ? { ...map, done: map.total } : map;
  const maps = Object.entries(sweep.maps).map(([key, map]) => [key, whole(map)] as const);
  return { ...sweep, maps: Object.fromEntries(maps) };
}

function ended(sweep: Sweep, id: number, phase: SweepPhase, message?: string): Sweep {
  return id === sweep.id ? { ...sweep, phase, message } : sweep;
}

export function reduceSweep(sweep: Sweep, event: SweepEvent): Sweep {
  switch (event.type) {
    case "asked":
      return {
        ...sweep,
        id: event.id,
        request: event.request,
        phase: "running",
        message: undefined,
      };
    case "map":
      return withMap(sweep, event.map);
    case "swept":
      return event.id === sweep.id ? ended(completed(sweep, event.id), event.id, "done") : sweep;
    case "dropped":
      return ended(sweep, event.id, "stopped");
    case "failed":
      return ended(sweep, event.id, "failed", event.failure.message);
    case "stopped":
      return sweep.phase === "running" ? { ...sweep, phase: "stopped" } : sweep;
    case "restored":
      return { ...sweep, maps: event.maps };
    case "same-scene":
      return sweep.phase === "running" ? sweep : { ...sweep, request: undefined, phase: "idle" };
    case "new-scene":
      return NO_SWEEP;
  }
}
