/** What the two maps show: their cells, their sites, their geometry. */

import { mapWidth } from "../layout/charts";
import { foldedColumns, type MapLayout, mapLayout } from "../layout/map";
import type { PageLayout } from "../layout/page";
import { firstDifference, lacksCounterpart, tokenAtPosition } from "../model/counterparts";
import { type Direction, hostOf, refusalReason, type Scene } from "../model/experiment";
import {
  type Across,
  isComplete,
  type MapData,
  type MapName,
  type MapSweepRequest,
  mapKey,
  mapLook,
  mapRequests,
} from "../model/map";
import { positionRange, positionText } from "../model/position";
import { parseSite, type Site } from "../model/site";
import { isLost } from "../model/status";
import { shortToken } from "../text/tokens";
import { columnOfToken } from "./selectors";
import type { State } from "./state";

export const MAP_COMPONENTS: readonly string[] = ["resid_pre", "attn_out", "mlp_out"];

const LABEL = { plain: 10, differs: 16 } as const;

export interface MapView {
  readonly name: MapName;
  readonly component: string;
  readonly across: Across;
  /** Where each of its cells patches, as a site writes it; undefined where each has its own, and for all positions. */
  readonly position: string | undefined;
  /** Undefined until the kernel has sent some cells. */
  readonly data: MapData | undefined;
  readonly layout: MapLayout;
  readonly labels: readonly string[];
  readonly direction: Direction;
}

/** Maps are shown if the kernel can fill them, or if a saved page has them. */
export function hasMaps(state: State): boolean {
  return state.scene?.can_sweep === true || Object.keys(state.sweep.maps).length > 0;
}

/** The position at which a click patches a head, as a site writes it; undefined means all. */
function scopeOf(state: State, scene: Scene): string | undefined {
  return positionText(state.position, scene.task.clean.length);
}

/** The maps of a request that are not known yet in whole. */
export function missingMaps(
  { sweep }: State,
  { maps, direction, metric }: MapSweepRequest,
): MapSweepRequest["maps"] {
  return maps.filter((map) => {
    const known = sweep.maps[mapKey(map, direction, metric)];
    return known === undefined || !isComplete(known);
  });
}

/** The maps to ask for now; undefined if there are none, or while a patch is pending. */
export function wantedSweep(state: State): MapSweepRequest | undefined {
  const { scene, pending, connection, direction, metric } = state;
  if (!scene?.can_sweep || pending !== undefined || isLost(connection)) return undefined;
  const maps = mapRequests(state.mapComponent, scopeOf(state, scene)).filter(
    ({ component }) => refusalReason(scene, component) === undefined,
  );
  return maps.length === 0 ? undefined : { maps, direction, metric };
}

/** A map of less than this has nothing that stands out. */
const LEAST_SHARE = 0.02;

/** The head that alone moves the metric furthest towards the source, where a click patches; undefined until all of them
 * are known. */
export function strongestHead(state: State, scene: Scene): string | undefined {
  const { sweep, direction, metric } = state;
  const position = scopeOf(state, scene);
  const data = sweep.maps[mapKey({ component: "z", position }, direction, metric)];
  if (data === undefined || !isComplete(data)) return undefined;
  let best = -1;
  let most = LEAST_SHARE;
  for (let i = 0; i < data.share.length; i++) {
    const share = data.share[i] ?? Number.NaN;
    if (share > most) [best, most] = [i, share];
  }
  if (best < 0) return undefined;
  return headSite(Math.floor(best / data.columns), best % data.columns, position);
}

function allZero(data: MapData | undefined, columns: number): boolean {
  if (data === undefined) return true;
  for (let row = 0; row < data.rows; row++) {
    for (let column = 0; column < columns; column++) {
      const look = mapLook(data, row * data.columns + column);
      if (look !== "zero" && look !== "pending") return false;
    }
  }
  return true;
}

function tokenLabels(state: State, scene: Scene): readonly string[] {
  const { task } = scene;
  const host = hostOf(state.direction);
  return task.clean.map((_, i) => {
    const most = task.differs.includes(i) ? LABEL.differs : LABEL.plain;
    return (
      shortToken(tokenAtPosition(task, host, i), most) + (lacksCounterpart(task, i) ? " ×" : "")
    );
  });
}

export function mapView(
  state: State,
  scene: Scene,
  pageLayout: PageLayout,
  name: MapName,
): MapView {
  const heads = name === "heads";
  const component = heads ? "z" : state.mapComponent;
  const position = heads ? scopeOf(state, scene) : undefined;
  const data = state.sweep.maps[mapKey({ component, position }, state.direction, state.metric)];
  const rows = data?.rows ?? scene.model.n_layers;
  const columns = data?.columns ?? (heads ? scene.model.n_heads : scene.task.clean.length);
  const labels = heads ? [] : tokenLabels(state, scene);
  const room = mapWidth(pageLayout, name);
  const first = Math.min(firstDifference(scene.task), columns);
  const foldable = heads || scene.task.n_pairs > 1 ? 0 : foldedColumns(columns, first, room);
  const fold = allZero(data, foldable) ? foldable : 0;
  const layout = mapLayout({ rows, columns, room, fold, labels });
  const across = heads ? "head" : "pos";
  return { name, component, across, position, data, layout, labels, direction: state.direction };
}

function headSite(layer: number, head: number, position: string | undefined): string {
  return `L${layer}.H${head}${position === undefined ? "" : `@${position}`}`;
}

export function mapSite(
  map: Pick<MapView, "across" | "component" | "layout" | "position">,
  row: number,
  column: number,
): string {
  if (map.across === "head") return headSite(row, column, map.position);
  return `L${row}.${map.component}@${positionText(column, map.layout.columns)}`;
}

interface MapRegion {
  readonly top: number;
  readonly bottom: number;
  readonly from: number;
  readonly to: number;
}

/** The row of a site. In a map of resid_pre, resid_post is the row of the next layer. */
function rowOf(map: MapView, layer: number, component: string): number | undefined {
  if (component === map.component) return layer;
  return map.component === "resid_pre" && component === "resid_post" ? layer + 1 : undefined;
}

/** The cells that a site covers: one cell, or all positions of a layer; for a token such as "@9", its column. */
export function mapRegion(map: MapView, site: string, scene: Scene): MapRegion | undefined {
  const { rows, columns } = map.layout;
  if (site.startsWith("@")) {
    const at = map.across === "head" ? undefined : columnOfToken(site, scene);
    return at === undefined ? undefined : { top: 0, bottom: rows, from: at, to: at + 1 };
  }
  const parsed = parseSite(site);
  if (parsed?.layer === undefined) return undefined;
  const row = rowOf(map, parsed.layer, parsed.component);
  if (row === undefined || row >= rows) return undefined;
  const column = map.across === "head" ? headOf(parsed) : undefined;
  if (column !== undefined && column < columns)
    return { top: row, bottom: row + 1, from: column, to: column + 1 };
  if (map.across === "head" || parsed.unit !== undefined) return undefined;
  const [from, to] = positionRange(site, scene.task) ?? [0, columns];
  return { top: row, bottom: row + 1, from, to };
}

/** The head of a site; undefined if it is not one. */
function headOf({ unit }: Site): number | undefined {
  return unit?.startsWith("H") ? Number(unit.slice(1)) : undefined;
}

/** Whether a site is about the positions of the map: a head elsewhere is another patch than the map's cell. */
export function isInScope(map: MapView, site: string, { task }: Scene): boolean {
  if (map.across === "pos") return true;
  const own = positionRange(mapSite(map, 0, 0), task);
  return String(own) === String(positionRange(site, task));
}

interface MapReading {
  readonly look: ReturnType<typeof mapLook>;
  readonly share: number;
  readonly effect: number;
}

/** What the maps know about a site; undefined if it is not one of their cells. */
export function mapReading(state: State, scene: Scene, site: string): MapReading | undefined {
  const parsed = parseSite(site);
  if (parsed?.layer === undefined) return undefined;
  const head = headOf(parsed);
  const { component } = parsed;
  const key = head === undefined ? { component } : { component, position: parsed.position };
  const data = state.sweep.maps[mapKey(key, state.direction, state.metric)];
  if (data === undefined || parsed.layer >= data.rows) return undefined;
  const column = head ?? positionRange(site, scene.task)?.[0];
  if (column === undefined || !(column < data.columns)) return undefined;
  const index = parsed.layer * data.columns + column;
  const [share, effect] = [data.share[index], data.effect[index]];
  return { look: mapLook(data, index), share: share ?? Number.NaN, effect: effect ?? Number.NaN };
}
