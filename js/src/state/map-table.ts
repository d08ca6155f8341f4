/** The maps as a table: a row for each cell, with all its digits. */

import type { PageLayout } from "../layout/page";
import { tokenAtPosition } from "../model/counterparts";
import { hostOf, type Scene } from "../model/experiment";
import { type MapData, mapLook } from "../model/map";
import { range } from "../model/math";
import type { CsvValue } from "../text/csv";
import { type MapView, mapSite, mapView } from "./maps";
import type { State } from "./state";

export const MAP_COLUMNS = [
  "map",
  "component",
  "site",
  "layer",
  "head",
  "position",
  "token",
  "field",
  "direction",
  "metric",
  "pair",
  "effect",
  "share",
  "known",
] as const;

/** How a number is known, or why there is none. */
function known(data: MapData, index: number, estimated: boolean): string {
  const look = mapLook(data, index);
  if (look === "unpatchable") return "no counterpart";
  if (look === "beyond") return "no path";
  if (look === "pending") return "not computed";
  return estimated || data.field === "estimate" ? "estimated" : "exact";
}

function cell(scene: Scene, map: MapView, data: MapData, index: number) {
  const { name, component, down, across, direction } = map;
  const row = Math.floor(index / data.columns);
  const column = index % data.columns;
  const pending = mapLook(data, index) === "pending" && map.estimate !== undefined;
  const from = pending && map.estimate !== undefined ? map.estimate : data;
  const positions = across === "pos";
  const token = positions ? tokenAtPosition(scene.task, hostOf(direction), column) : undefined;
  const head = positions ? (down === "head" ? row : undefined) : column;
  const place = positions ? (scene.task.places?.[column] ?? column) : (map.position ?? "all");
  return [
    ...[name, component, mapSite(map, row, column), map.layer ?? row, head, place, token],
    ...[data.field, data.direction, data.metric, data.pair],
    ...[from.effect[index], from.share[index], known(from, index, pending)],
  ] satisfies CsvValue[];
}

export function mapRows(
  state: State,
  scene: Scene,
  layout: PageLayout,
): readonly (readonly CsvValue[])[] {
  return (["heads", "positions"] as const).flatMap((name) => {
    const map = mapView(state, scene, layout, name);
    const data = map.data ?? map.estimate;
    if (data === undefined || data.reason !== undefined) return [];
    return range(data.rows * data.columns).map((index) => cell(scene, map, data, index));
  });
}
