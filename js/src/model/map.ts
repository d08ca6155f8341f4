/** A map: a number per cell, over layers and heads, over layers and positions, or over the heads of a layer. */

import type { Direction, ShownPair } from "./experiment";
import { parseSite } from "./site";
import { type Source, sourceKey } from "./source";

/** What the columns of a map are. */
export type Across = "head" | "pos";

/** What its rows are: layers, or the heads of one layer. */
export type Down = "layer" | "head";

/** What the cells of maps say: "total", "direct", "estimate", or a receiver such as "L23.H3.q". */
export type Field = string;

/** Which cells a map has. */
export interface MapShape {
  readonly component: string;
  readonly down: Down;
  readonly across: Across;
  /** The layer whose heads are rows; undefined where layers are. */
  readonly layer: number | undefined;
  /** Where each cell of a map without positions patches, as a site writes it; undefined means all of them. */
  readonly position: string | undefined;
}

export interface MapRequest {
  readonly name: string;
  readonly component: string;
  readonly over: readonly [Down, Across];
  readonly layer?: number;
  readonly position?: string;
}

export interface MapSweepRequest {
  readonly maps: readonly MapRequest[];
  readonly field: Field;
  readonly direction: Direction;
  readonly metric: string;
  readonly pair: ShownPair;
  /** What each cell puts into the host; absent, the run that the direction takes values from. */
  readonly source?: Source;
}

/** What is known of a map so far. NaN in both arrays means not yet done; in `share` alone, undefined. */
export interface MapData extends MapShape {
  readonly id: number;
  readonly name: string;
  readonly field: Field;
  readonly direction: Direction;
  readonly metric: string;
  readonly pair: ShownPair;
  readonly source?: Source;
  readonly rows: number;
  readonly columns: number;
  readonly done: number;
  readonly total: number;
  /** How many cells are certainly 0, so that nothing has to be computed. */
  readonly zero: number;
  /** Indices of the cells whose position has no counterpart, or that have no path; row by row, as in `share`. */
  readonly unpatchable: ReadonlySet<number>;
  readonly secondsLeft: number | null;
  /** Why there is no such map; undefined where there is one. */
  readonly reason: string | undefined;
  readonly share: ArrayLike<number>;
  readonly effect: ArrayLike<number>;
}

/** Every cell of the map has its number. */
export function isComplete({ done, total }: MapData): boolean {
  return done >= total;
}

/** "waiting": the kernel fills the maps of another view first, perhaps the same ones. */
export type SweepPhase = "idle" | "running" | "waiting" | "done" | "stopped" | "failed";

export type MapName = "heads" | "positions";

/** All that the numbers of a map depend on. */
export function mapKey(
  shape: MapShape,
  of: Pick<MapSweepRequest, "field" | "direction" | "metric" | "pair" | "source">,
): string {
  const { component, down, across, layer, position } = shape;
  const { field, direction, metric, pair, source = "source" } = of;
  const where = position === undefined ? "" : `@${position}`;
  const what = source === "source" ? "" : `${sourceKey(source)} `;
  const view = `${direction} ${pair} ${metric}`;
  return `${what}${field} ${component}${where} ${down} ${across} ${layer ?? ""} ${view}`;
}

/** Components whose heads can be the rows of the map over positions. */
export const OF_HEADS: readonly string[] = ["z", "q", "k", "v"];

/** The cells of the map of heads, at a position or at all of them. */
export function headsShape(component: string, position?: string): MapShape {
  return { component, down: "layer", across: "head", layer: undefined, position };
}

/** The cells of the map over positions: one row for each layer, or for each head of one layer. */
export function positionsShape(component: string, layer: number): MapShape {
  return OF_HEADS.includes(component)
    ? { component, down: "head", across: "pos", layer, position: undefined }
    : { component, down: "layer", across: "pos", layer: undefined, position: undefined };
}

export function mapRequest(name: MapName, shape: MapShape): MapRequest {
  const { component, down, across, layer, position } = shape;
  const where = position === undefined ? {} : { position };
  const one = layer === undefined ? {} : { layer };
  return { name, component, over: [down, across], ...one, ...where };
}

/** Which cells a request is for. */
export function requestedShape({ component, over, layer, position }: MapRequest): MapShape {
  return { component, down: over[0], across: over[1], layer, position };
}

export function sameSweep(a: MapSweepRequest | undefined, b: MapSweepRequest): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** Whether a field is what goes through a receiver. */
export function isReceiver(field: Field): boolean {
  return field !== "total" && field !== "direct" && field !== "estimate";
}

export type MapLook = "pending" | "undefined" | "zero" | "value" | "unpatchable" | "beyond";

/** Whether a cell comes after the receiver of the field, so that there is no path. */
function isBeyond(map: MapData, index: number): boolean {
  const receiver = isReceiver(map.field) ? parseSite(map.field)?.layer : undefined;
  const layer = map.layer ?? Math.floor(index / map.columns);
  return receiver !== undefined && layer >= receiver;
}

/** What is known about a cell. If the effect is known and the share is not, the share is undefined, not pending. */
export function mapLook(map: MapData, index: number): MapLook {
  if (map.unpatchable.has(index)) return isBeyond(map, index) ? "beyond" : "unpatchable";
  const [share, effect] = [map.share[index] ?? Number.NaN, map.effect[index] ?? Number.NaN];
  if (Number.isNaN(share)) {
    return Number.isNaN(effect) && map.done < map.total ? "pending" : "undefined";
  }
  return share === 0 && (effect === 0 || Number.isNaN(effect)) ? "zero" : "value";
}

/** How many of the largest exact effects an estimate has among its own largest. */
export interface Score {
  readonly found: number;
  readonly of: number;
}

const SCORED = 10;

function largest(effects: ArrayLike<number>, cells: readonly number[], count: number): number[] {
  const size = (i: number) => Math.abs(effects[i] ?? 0);
  return [...cells].sort((a, b) => size(b) - size(a)).slice(0, count);
}

/** The score of an estimate, once every exact value is there. Cells that are certainly 0 need no method. */
export function scoreOf(
  estimate: MapData | undefined,
  exact: MapData | undefined,
): Score | undefined {
  if (estimate === undefined || exact === undefined || !isComplete(exact)) return undefined;
  const cells = Array.from({ length: exact.effect.length }, (_, i) => i).filter(
    (i) => exact.effect[i] !== 0 && Number.isFinite(exact.effect[i]) && !exact.unpatchable.has(i),
  );
  if (cells.length === 0 || estimate.effect.length !== exact.effect.length) return undefined;
  const of = Math.min(SCORED, cells.length);
  const found = new Set(largest(estimate.effect, cells, of));
  return { found: largest(exact.effect, cells, of).filter((i) => found.has(i)).length, of };
}
