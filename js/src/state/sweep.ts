/** The maps that are known, and the sweep that fills them: their part of the reducer. */

import {
  type MapData,
  type MapSweepRequest,
  mapKey,
  requestedShape,
  type SweepPhase,
} from "../model/map";
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
  | { readonly type: "dropped"; readonly id: number; readonly why: string }
  /** All maps that were asked for are known already. */
  | { readonly type: "known"; readonly request: MapSweepRequest }
  | { readonly type: "failed"; readonly id: number; readonly failure: Failure }
  | { readonly type: "stopped" }
  /** Something failed that another view has asked for: perhaps the sweep that this one waits for. */
  | { readonly type: "freed" }
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

/** Whether a map is one of those that were asked for. */
function isWanted({ request }: Sweep, map: MapData): boolean {
  if (request === undefined) return false;
  const key = mapKey(map, map);
  return request.maps.some((each) => mapKey(requestedShape(each), request) === key);
}

/**
 * Every map says what it is about, so that it counts whoever has asked for it: another view of the same widget too.
 * Its numbers never change: one with fewer cells done does not replace one with more.
 */
function withMap(sweep: Sweep, map: MapData): Sweep {
  const key = mapKey(map, map);
  const known = sweep.maps[key];
  if (known !== undefined && known.done > map.done) return sweep;
  const goesOn = sweep.phase === "stopped" && map.id !== sweep.id && isWanted(sweep, map);
  return {
    ...sweep,
    phase: goesOn && map.done < map.total ? "waiting" : sweep.phase,
    maps: { ...sweep.maps, [key]: map },
  };
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

/** Another view's sweep is over: what is still missing here is asked for again. */
function freed(sweep: Sweep): Sweep {
  return sweep.phase === "waiting" ? { ...sweep, request: undefined, phase: "idle" } : sweep;
}

/** The newest sweep was superseded by another view's, or somebody stopped all of them. */
function dropped(sweep: Sweep, id: number, why: string): Sweep {
  if (id !== sweep.id && sweep.phase !== "waiting") return sweep;
  if (why === "superseded") return { ...sweep, phase: "waiting" };
  return { ...sweep, phase: "stopped" };
}

function isOnItsWay({ phase }: Sweep): boolean {
  return phase === "running" || phase === "waiting";
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
    case "known":
      return { ...sweep, id: undefined, request: event.request, phase: "done", message: undefined };
    case "swept": {
      const whole = completed(sweep, event.id);
      return event.id === sweep.id ? ended(whole, event.id, "done") : freed(whole);
    }
    case "dropped":
      return dropped(sweep, event.id, event.why);
    case "failed":
      return ended(sweep, event.id, "failed", event.failure.message);
    case "freed":
      return freed(sweep);
    case "stopped":
      return isOnItsWay(sweep) ? { ...sweep, phase: "stopped" } : sweep;
    case "restored":
      return { ...sweep, maps: event.maps };
    case "same-scene":
      return isOnItsWay(sweep) ? sweep : { ...sweep, request: undefined, phase: "idle" };
    case "new-scene":
      return NO_SWEEP;
  }
}
