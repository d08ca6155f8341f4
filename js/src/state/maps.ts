/** What the two maps show: their cells, their sites, their geometry. */

import { mapWidth } from "../layout/charts";
import { foldedColumns, type MapLayout, mapLayout } from "../layout/map";
import type { PageLayout } from "../layout/page";
import { firstDifference, lacksCounterpart, tokenAtPosition } from "../model/counterparts";
import { type Direction, hostOf, type Scene } from "../model/experiment";
import {
  type Field,
  headsShape,
  type MapData,
  type MapName,
  type MapShape,
  mapKey,
  mapLook,
  OF_HEADS,
  positionsShape,
  type Score,
  scoreOf,
} from "../model/map";
import { headsOfUnit, parsePath, senderOf } from "../model/path";
import { positionRange, positionText } from "../model/position";
import { parseSite, printSite, type Site } from "../model/site";
import { isAblation } from "../model/source";
import { shortToken } from "../text/tokens";
import { shapeOf } from "./map-requests";
import { columnOfToken } from "./selectors";
import type { State } from "./state";

/** Components whose positions can be mapped over all layers, and then those of the heads of one layer. */
export const MAP_COMPONENTS: readonly string[] = [
  ...["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"],
  ...OF_HEADS,
];

const LABEL = { plain: 10, differs: 16 } as const;

export interface MapView extends MapShape {
  readonly name: MapName;
  readonly field: Field;
  /** "H", or "KV" for keys and values that several heads share. */
  readonly unit: string;
  /** Undefined until the kernel has sent some cells. */
  readonly data: MapData | undefined;
  /** Total effects by their gradient, shown until exact ones are there. */
  readonly estimate: MapData | undefined;
  /** How good the estimate was. */
  readonly score: Score | undefined;
  readonly layout: MapLayout;
  readonly labels: readonly string[];
  readonly direction: Direction;
  /** Its cells take information away and bring none. */
  readonly grey: boolean;
}

/** Maps are shown if the kernel can fill them, or if a saved page has them. */
export function hasMaps(state: State): boolean {
  return state.scene?.can_sweep === true || Object.keys(state.sweep.maps).length > 0;
}

function unitOf(component: string, { model }: Scene): string {
  const shared = model.n_kv_heads < model.n_heads && (component === "k" || component === "v");
  return shared ? "KV" : "H";
}

function headCount(component: string, scene: Scene): number {
  return unitOf(component, scene) === "KV" ? scene.model.n_kv_heads : scene.model.n_heads;
}

/** A map of these cells with what is chosen now, as far as it is known. */
export function knownMap(state: State, shape: MapShape, field: Field): MapData | undefined {
  const { direction, metric, scene, source } = state;
  const pair = scene?.pair ?? "mean";
  return state.sweep.maps[mapKey(shape, { field, direction, metric, pair, source })];
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
  const shape = shapeOf(state, scene, name);
  const { field, direction } = state;
  const count = headCount(shape.component, scene);
  const data = knownMap(state, shape, field);
  const estimate = knownMap(state, shape, "estimate");
  const rows = data?.rows || (shape.down === "head" ? count : scene.model.n_layers);
  const columns = data?.columns || (heads ? count : scene.task.clean.length);
  const labels = heads ? [] : tokenLabels(state, scene);
  const room = mapWidth(pageLayout, name);
  const first = Math.min(firstDifference(scene.task), columns);
  const foldable = heads || scene.task.n_pairs > 1 ? 0 : foldedColumns(columns, first, room);
  const fold = allZero(data, foldable) ? foldable : 0;
  const layout = mapLayout({ rows, columns, room, fold, labels });
  const unit = unitOf(shape.component, scene);
  const scored = field === "total" || field === "estimate";
  const score = scored ? scoreOf(estimate, knownMap(state, shape, "total")) : undefined;
  return {
    ...{ ...shape, name, field, unit, data, layout, labels, direction, score },
    estimate: field === "total" ? estimate : undefined,
    grey: isAblation(state.source),
  };
}

/** The site of a cell. Of a map of paths it is the sender. */
export function mapSite(
  map: Pick<MapView, "down" | "across" | "layer" | "position" | "component" | "unit" | "layout">,
  row: number,
  column: number,
): string {
  const { component, down, across, layout } = map;
  const index = down === "head" ? row : across === "head" ? column : undefined;
  const layer = map.layer ?? row;
  return printSite({
    layer,
    unit: index === undefined ? undefined : `${map.unit}${index}`,
    component,
    position: across === "head" ? map.position : positionText(column, layout.columns),
  });
}

/** What a click on a cell patches: its site, or its path to what receives it. */
export function cellPatch(field: Field, site: string): string {
  if (field === "total" || field === "estimate") return site;
  return `${site}->${field === "direct" ? "logits" : field}`;
}

interface MapRegion {
  readonly top: number;
  readonly bottom: number;
  readonly from: number;
  readonly to: number;
}

/** The row of a site among layers. In a map of resid_pre, resid_post is the row of the next layer. */
function rowOf(map: MapView, layer: number, component: string): number | undefined {
  if (component === map.component || (map.across === "head" && component === "z")) return layer;
  return map.component === "resid_pre" && component === "resid_post" ? layer + 1 : undefined;
}

/** The cells that a site covers: one cell, or all positions of a layer; for a token such as "@9", its column. */
export function mapRegion(map: MapView, site: string, scene: Scene): MapRegion | undefined {
  const { rows, columns } = map.layout;
  if (site.startsWith("@")) {
    const at = map.across === "head" ? undefined : columnOfToken(site, scene);
    return at === undefined ? undefined : { top: 0, bottom: rows, from: at, to: at + 1 };
  }
  const path = parsePath(site);
  if (path !== undefined) return mapRegion(map, path.sender, scene);
  const parsed = parseSite(site);
  if (parsed?.layer === undefined) return undefined;
  const unit = unitIndex(parsed, map, scene);
  const row = map.down === "head" ? unit : rowOf(map, parsed.layer, parsed.component);
  if (row === undefined || row >= rows) return undefined;
  if (map.down === "head" && parsed.layer !== map.layer) return undefined;
  if (map.across === "head")
    return unit === undefined || unit >= columns
      ? undefined
      : { top: row, bottom: row + 1, from: unit, to: unit + 1 };
  if (map.down === "layer" && parsed.unit !== undefined) return undefined;
  const [from, to] = positionRange(site, scene.task) ?? [0, columns];
  return { top: row, bottom: row + 1, from, to };
}

/** Whether a site is about the positions of the map: a head elsewhere is another patch than the map's cell. */
export function isInScope(map: MapView, site: string, { task }: Scene): boolean {
  if (map.across === "pos") return true;
  const own = positionRange(mapSite(map, 0, 0), task);
  return String(own) === String(positionRange(senderOf(site), task));
}

/** The number of the head that a site is, or that is part of; of key-value heads where the map has these. */
function unitIndex({ unit, component }: Site, map: MapView, scene: Scene): number | undefined {
  if (unit === undefined || unit.startsWith("N")) return undefined;
  const index = Number(unit.replace(/\D+/, ""));
  if (unit.startsWith("KV") === (map.unit === "KV")) return index;
  const shares = scene.model.n_heads / scene.model.n_kv_heads;
  if (map.unit === "KV") return component === "z" ? Math.floor(index / shares) : undefined;
  return headsOfUnit(unit, scene.model)[0];
}

interface MapReading {
  readonly look: ReturnType<typeof mapLook>;
  readonly share: number;
  readonly effect: number;
  readonly estimated: boolean;
}

/** What the maps know about a site, in the field that they show; undefined if it is not one of their cells. */
export function mapReading(state: State, scene: Scene, site: string): MapReading | undefined {
  const parsed = parseSite(site);
  if (parsed?.layer === undefined) return undefined;
  const { component, layer, unit, position } = parsed;
  const column = positionRange(site, scene.task)?.[0];
  const index = unit === undefined ? undefined : Number(unit.replace(/\D+/, ""));
  const shapes: readonly MapShape[] =
    index === undefined
      ? [positionsShape(component, layer)]
      : [headsShape(component, position), positionsShape(component, layer)];
  const cell = (field: Field) => {
    for (const shape of shapes) {
      const data = knownMap(state, shape, field);
      const row = shape.down === "head" ? index : layer;
      const at = shape.across === "head" ? index : column;
      if (data === undefined || row === undefined || at === undefined) continue;
      if (row < data.rows && at < data.columns) return readingAt(data, row * data.columns + at);
    }
    return undefined;
  };
  const exact = cell(state.field);
  const estimate = state.field === "total" ? cell("estimate") : undefined;
  if (exact === undefined || exact.look === "pending") {
    return estimate === undefined ? exact : { ...estimate, estimated: true };
  }
  return { ...exact, estimated: state.field === "estimate" };
}

function readingAt(data: MapData, index: number): MapReading {
  const [share, effect] = [data.share[index], data.effect[index]];
  return {
    look: mapLook(data, index),
    share: share ?? Number.NaN,
    effect: effect ?? Number.NaN,
    estimated: false,
  };
}
