/** What the two maps show: their cells, their sites, their geometry. Pure questions about the state. */

import type { Across, Cells, Direction, Scene, SweepRequest } from "./protocol";
import { firstDifference, isAlone, tokenHere } from "./pure/counterparts";
import { shortToken } from "./pure/format";
import type { Layout } from "./pure/geometry";
import { foldOf, type MapLayout, mapLayout } from "./pure/maps";
import { lookAt } from "./pure/scale";
import { parseSite, positionIndex, positionText, span } from "./pure/sites";
import { hostOf } from "./pure/words";
import { refusalOf } from "./select";
import type { State } from "./state";
import { askedMaps, mapKey } from "./sweep";

export type MapName = "heads" | "positions";
export const MAPPED: readonly string[] = ["mlp_out", "attn_out", "resid_pre"];
export const PARTS = { heads: 4, positions: 5, others: 3 } as const;
const AROUND = 26;
/** While a page is laid out it may have no width at all. */
const LEAST = 120;
const LABEL = { plain: 10, differs: 16 } as const;

export interface MapView {
  readonly name: MapName;
  readonly component: string;
  readonly across: Across;
  readonly cells: Cells | undefined;
  readonly layout: MapLayout;
  readonly labels: readonly string[];
  readonly direction: Direction;
}

/** Maps are shown where the kernel can fill them, and where a saved page has them. */
export function hasMaps(state: State): boolean {
  return state.scene?.can_sweep === true || Object.keys(state.sweep.maps).length > 0;
}

/** The maps to ask for now; undefined while they cannot be, or while a patch is on its way. */
export function wantedSweep(state: State): SweepRequest | undefined {
  const { scene, pending, connection, direction, metric } = state;
  if (!scene?.can_sweep || pending !== undefined) return undefined;
  if (connection === "gone" || connection === "restarted") return undefined;
  const maps = askedMaps(state.mapped).filter(
    ({ component }) => refusalOf(scene, component) === undefined,
  );
  return maps.length === 0 ? undefined : { maps, direction, metric };
}

/** The width that the drawing of a map has inside its chart. */
export function roomOf(layout: Layout, name: MapName): number {
  if (!layout.wide) return Math.max(LEAST, layout.width - 24 - AROUND);
  const part = (layout.width - 24 - 12) / (PARTS.heads + PARTS.positions + PARTS.others);
  return Math.floor(part * PARTS[name]) - AROUND;
}

function allZero(cells: Cells | undefined, columns: number): boolean {
  if (cells === undefined) return true;
  for (let row = 0; row < cells.rows; row++) {
    for (let column = 0; column < columns; column++) {
      const look = lookAt(cells, row * cells.columns + column);
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
    return shortToken(tokenHere(task, host, i), most) + (isAlone(task, i) ? " ×" : "");
  });
}

export function mapView(state: State, scene: Scene, page: Layout, name: MapName): MapView {
  const heads = name === "heads";
  const component = heads ? "z" : state.mapped;
  const cells = state.sweep.maps[mapKey(component, state.direction, state.metric)];
  const rows = cells?.rows ?? scene.model.n_layers;
  const columns = cells?.columns ?? (heads ? scene.model.n_heads : scene.task.clean.length);
  const labels = heads ? [] : tokenLabels(state, scene);
  const room = roomOf(page, name);
  const first = Math.min(firstDifference(scene.task), columns);
  const foldable = heads || scene.task.n_pairs > 1 ? 0 : foldOf(columns, first, room);
  const fold = allZero(cells, foldable) ? foldable : 0;
  const layout = mapLayout({ rows, columns, room, fold, labels });
  const { direction } = state;
  return { name, component, across: heads ? "head" : "pos", cells, layout, labels, direction };
}

export function mapSite(
  map: Pick<MapView, "across" | "component" | "layout">,
  row: number,
  column: number,
): string {
  if (map.across === "head") return `L${row}.H${column}`;
  return `L${row}.${map.component}@${positionText(column, map.layout.columns)}`;
}

export interface Place {
  readonly top: number;
  readonly bottom: number;
  readonly from: number;
  readonly to: number;
}

/** The layer of a site as a map of one component has it; the stream after a block enters the next. */
function rowOf(map: MapView, layer: number, component: string): number | undefined {
  if (component === map.component) return layer;
  return map.component === "resid_pre" && component === "resid_post" ? layer + 1 : undefined;
}

/** The cells of a map that a site covers: one, or a row of positions; all rows of a token. */
export function placeOf(map: MapView, site: string, scene: Scene): Place | undefined {
  const { rows, columns } = map.layout;
  if (site.startsWith("@")) {
    const at = Number(site.slice(1));
    return map.across === "head" ? undefined : { top: 0, bottom: rows, from: at, to: at + 1 };
  }
  const parsed = parseSite(site);
  if (parsed?.layer === undefined) return undefined;
  const row = rowOf(map, parsed.layer, parsed.component);
  if (row === undefined || row >= rows) return undefined;
  if (map.across === "pos") {
    const [from, to] = (parsed.unit === undefined && span(site, scene.task)) || [0, columns];
    if (parsed.unit !== undefined) return undefined;
    return { top: row, bottom: row + 1, from, to };
  }
  const head = parsed.unit?.startsWith("H") ? Number(parsed.unit.slice(1)) : undefined;
  return head === undefined ? undefined : { top: row, bottom: row + 1, from: head, to: head + 1 };
}

export interface MapReading {
  readonly look: ReturnType<typeof lookAt>;
  readonly share: number;
  readonly effect: number;
}

/** What the maps know of a site, if it is one of their cells. */
export function mapReading(state: State, scene: Scene, site: string): MapReading | undefined {
  const parsed = parseSite(site);
  if (parsed?.layer === undefined) return undefined;
  const cells = state.sweep.maps[mapKey(parsed.component, state.direction, state.metric)];
  if (cells === undefined || parsed.layer >= cells.rows) return undefined;
  const column =
    cells.across === "head"
      ? parsed.position === undefined && parsed.unit !== undefined
        ? Number(parsed.unit.slice(1))
        : undefined
      : span(site, scene.task)?.[0];
  if (column === undefined || !(column < cells.columns)) return undefined;
  const index = parsed.layer * cells.columns + column;
  const [share, effect] = [cells.share[index], cells.effect[index]];
  return { look: lookAt(cells, index), share: share ?? Number.NaN, effect: effect ?? Number.NaN };
}

/** The token position that a site or a token mark names; undefined = all. */
export function hoveredPosition(state: State, scene: Scene): number | undefined {
  const { hover } = state;
  if (hover === undefined) return undefined;
  if (hover.startsWith("@")) return Number(hover.slice(1));
  return span(hover, scene.task)?.[0];
}

export function chosenPosition(state: State, scene: Scene): number | undefined {
  return positionIndex(state.position, scene.task);
}
