/** A map: the effect of one patch per cell, over layers and heads or over layers and positions. */

import type { Direction } from "./experiment";

/** What the columns of a map are; its rows are layers. */
export type Across = "head" | "pos";

interface MapRequest {
  readonly name: string;
  readonly component: string;
  readonly over: readonly ["layer", Across];
  /** Where each cell of a map without positions patches, as a site writes it; undefined means all of them. */
  readonly position?: string;
}

export interface MapSweepRequest {
  readonly maps: readonly MapRequest[];
  readonly direction: Direction;
  readonly metric: string;
}

/** What is known of a map so far. NaN in both arrays means not yet done; in `share` alone, undefined. */
export interface MapData {
  readonly id: number;
  readonly name: string;
  readonly component: string;
  readonly across: Across;
  readonly position: string | undefined;
  readonly direction: Direction;
  readonly metric: string;
  readonly rows: number;
  readonly columns: number;
  readonly done: number;
  readonly total: number;
  /** How many cells are certainly 0, so that nothing has to be computed. */
  readonly zero: number;
  /** Indices of the cells whose position has no counterpart; row by row, as in `share`. */
  readonly unpatchable: ReadonlySet<number>;
  readonly secondsLeft: number | null;
  readonly share: ArrayLike<number>;
  readonly effect: ArrayLike<number>;
}

/** Every cell of the map has its exact number. */
export function isComplete({ done, total }: MapData): boolean {
  return done >= total;
}

/** "waiting": the kernel fills the maps of another view first, perhaps the same ones. */
export type SweepPhase = "idle" | "running" | "waiting" | "done" | "stopped" | "failed";

export type MapName = "heads" | "positions";

/** All that the numbers of a map depend on. */
export function mapKey(
  { component, position }: { readonly component: string; readonly position?: string | undefined },
  direction: Direction,
  metric: string,
): string {
  const where = position === undefined ? "" : `@${position}`;
  return `${component}${where} ${direction} ${metric}`;
}

/** The two maps that the page asks for: heads at a position or at all of them, and one component over positions. */
export function mapRequests(component: string, position?: string): readonly MapRequest[] {
  const where = position === undefined ? {} : { position };
  return [
    { name: "heads", component: "z", over: ["layer", "head"], ...where },
    { name: "positions", component, over: ["layer", "pos"] },
  ];
}

export function sameSweep(a: MapSweepRequest | undefined, b: MapSweepRequest): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

export type MapLook = "pending" | "undefined" | "zero" | "value" | "unpatchable";

/** What is known about a cell. If the effect is known and the share is not, the share is undefined, not pending. */
export function mapLook(map: MapData, index: number): MapLook {
  if (map.unpatchable.has(index)) return "unpatchable";
  const [share, effect] = [map.share[index] ?? Number.NaN, map.effect[index] ?? Number.NaN];
  if (Number.isNaN(share)) {
    return Number.isNaN(effect) && map.done < map.total ? "pending" : "undefined";
  }
  return share === 0 && (effect === 0 || Number.isNaN(effect)) ? "zero" : "value";
}
