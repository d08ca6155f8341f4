/** The last picture as plain JSON, so that a saved notebook shows it without a kernel. */

import type { Scene } from "../model/experiment";
import type { MapData } from "../model/map";
import type { SavedPin } from "../model/mark";
import type { Grid, Result } from "../model/result";
import { decodeMap } from "./decode-map";
import { decodeSavedPin } from "./decode-mark";
import { decodeResult } from "./decode-result";
import { decodeScene } from "./decode-scene";
import { Fields, listOf, recordOf } from "./validate";

interface Snapshot {
  readonly scene: Scene;
  readonly result: Result | undefined;
  /** By `mapKey`. */
  readonly maps: Readonly<Record<string, MapData>>;
  readonly pins: readonly SavedPin[];
}

/** Larger maps are not saved, to keep notebooks small; they are asked for again. */
const MOST_CELLS = 4000;

function plain(grid: Grid): { shape: readonly number[]; data: (number | null)[] } {
  return {
    shape: grid.shape,
    data: Array.from(grid.data, (x) => (Number.isFinite(x) ? Number(x.toPrecision(4)) : null)),
  };
}

function plainMap(map: MapData): unknown {
  const { share, effect, rows, columns, down, across, secondsLeft, unpatchable, ...rest } = map;
  const shape = [rows, columns];
  const grids = { share: plain({ shape, data: share }), effect: plain({ shape, data: effect }) };
  const more = { unpatchable: [...unpatchable], seconds_left: secondsLeft };
  return { ...rest, ...more, shape, over: [down, across], grids };
}

function plainMaps(maps: Snapshot["maps"]): Record<string, unknown> {
  const small = Object.entries(maps).filter(([, map]) => map.rows * map.columns <= MOST_CELLS);
  return Object.fromEntries(small.map(([key, map]) => [key, plainMap(map)]));
}

export function encodeSnapshot(snapshot: Snapshot): unknown {
  const { scene, result, pins } = snapshot;
  const maps = plainMaps(snapshot.maps);
  if (result === undefined) return JSON.parse(JSON.stringify({ scene, maps, pins }));
  const entries = Object.entries(result.reach?.grids ?? {});
  const reach = result.reach && {
    position: result.reach.position,
    grids: Object.fromEntries(entries.map(([name, grid]) => [name, plain(grid)])),
  };
  // Its words and runs are those of the scene.
  const numbers = { ...result, reach, task: undefined, runs: undefined, metrics: undefined };
  return JSON.parse(JSON.stringify({ scene, maps, pins, result: numbers }));
}

/** What was saved; undefined if nothing was, or if it cannot be read. */
export function decodeSnapshot(value: unknown): Snapshot | undefined {
  if (value === null || value === undefined) return undefined;
  try {
    const f = new Fields(value, "snapshot");
    if (!f.has("scene")) return undefined;
    const result = f.getOr("result", (saved) => decodeResult(saved, []), undefined);
    const maps = f.getOr(
      "maps",
      recordOf((saved) => decodeMap(saved, [])),
      {},
    );
    const pins = f.getOr("pins", listOf(decodeSavedPin), []);
    // A saved picture has no kernel: what is not in it stays unknown.
    return { scene: { ...f.get("scene", decodeScene), can_sweep: false }, result, maps, pins };
  } catch (error) {
    console.warn("patchwidgets: the saved picture cannot be read.", error);
    return undefined;
  }
}
