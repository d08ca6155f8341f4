/** The last picture as plain JSON, so that a saved notebook shows it with no kernel. */

import { decodeResult, decodeScene } from "./decode";
import type { Grid, Result, Scene } from "./protocol";
import { fields } from "./pure/checked";

export interface Snapshot {
  readonly scene: Scene;
  readonly result: Result | undefined;
}

function plain(grid: Grid): { shape: readonly number[]; data: (number | null)[] } {
  return {
    shape: grid.shape,
    data: Array.from(grid.data, (x) => (Number.isFinite(x) ? Number(x.toPrecision(4)) : null)),
  };
}

export function encodeSnapshot({ scene, result }: Snapshot): unknown {
  if (result === undefined) return { scene };
  const entries = Object.entries(result.reach?.grids ?? {});
  const reach = result.reach && {
    position: result.reach.position,
    grids: Object.fromEntries(entries.map(([name, grid]) => [name, plain(grid)])),
  };
  return JSON.parse(JSON.stringify({ scene, result: { ...result, reach } }));
}

/** What was saved, or undefined where nothing (or nothing readable) was. */
export function decodeSnapshot(value: unknown): Snapshot | undefined {
  if (value === null || value === undefined) return undefined;
  try {
    const f = fields(value, "snapshot");
    if (f.scene === undefined) return undefined;
    const result = f.result === undefined ? undefined : decodeResult(f.result, []);
    return { scene: decodeScene(f.scene), result };
  } catch (error) {
    console.warn("patchwidgets: the saved picture cannot be read.", error);
    return undefined;
  }
}
