/** What is known of the maps, and the sweep that fills them. Pure: part of the state's reducer. */

import type { Cells, Direction, Failure, MapAsked, SweepRequest } from "./protocol";

export type Phase = "idle" | "running" | "done" | "stopped" | "failed";

export interface Sweep {
  readonly id: number | undefined;
  readonly request: SweepRequest | undefined;
  readonly phase: Phase;
  readonly message: string | undefined;
  /** Every map that was ever answered, also of other directions and metrics. */
  readonly maps: Readonly<Record<string, Cells>>;
}

export type SweepEvent =
  | { readonly type: "asked"; readonly id: number; readonly request: SweepRequest }
  | { readonly type: "cells"; readonly cells: Cells }
  | { readonly type: "swept"; readonly id: number }
  | { readonly type: "dropped"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly failure: Failure }
  | { readonly type: "stopped" }
  | { readonly type: "recalled"; readonly maps: Sweep["maps"] }
  /** The kernel introduced itself: with the same experiment, or with another. */
  | { readonly type: "again" | "reset" };

export const NO_SWEEP: Sweep = {
  id: undefined,
  request: undefined,
  phase: "idle",
  message: undefined,
  maps: {},
};

/** What a map's numbers depend on. */
export function mapKey(component: string, direction: Direction, metric: string): string {
  return `${component} ${direction} ${metric}`;
}

export function askedMaps(position: string): readonly MapAsked[] {
  return [
    { name: "heads", component: "z", over: ["layer", "head"] },
    { name: "positions", component: position, over: ["layer", "pos"] },
  ];
}

export function sameSweep(a: SweepRequest | undefined, b: SweepRequest): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** The numbers of a question never change, so that a map which knows less does not replace one. */
function withCells(sweep: Sweep, cells: Cells): Sweep {
  const { request } = sweep;
  if (request === undefined || cells.id !== sweep.id) return sweep;
  const key = mapKey(cells.component, request.direction, request.metric);
  const known = sweep.maps[key];
  if (known !== undefined && known.done > cells.done) return sweep;
  return { ...sweep, maps: { ...sweep.maps, [key]: cells } };
}

/** At the end every cell is done: what has no number then is undefined, not "not yet". */
function completed(sweep: Sweep, id: number): Sweep {
  const whole = (cells: Cells): Cells =>
    cells.id === id && cells.done < cells.total ? { ...cells, done: cells.total } : cells;
  const maps = Object.entries(sweep.maps).map(([key, cells]) => [key, whole(cells)] as const);
  return { ...sweep, maps: Object.fromEntries(maps) };
}

function ended(sweep: Sweep, id: number, phase: Phase, message?: string): Sweep {
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
    case "cells":
      return withCells(sweep, event.cells);
    case "swept":
      return event.id === sweep.id ? ended(completed(sweep, event.id), event.id, "done") : sweep;
    case "dropped":
      return ended(sweep, event.id, "stopped");
    case "failed":
      return ended(sweep, event.id, "failed", event.failure.message);
    case "stopped":
      return sweep.phase === "running" ? { ...sweep, phase: "stopped" } : sweep;
    case "recalled":
      return { ...sweep, maps: event.maps };
    case "again":
      return sweep.phase === "running" ? sweep : { ...sweep, request: undefined, phase: "idle" };
    case "reset":
      return NO_SWEEP;
  }
}
