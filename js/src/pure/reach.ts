/** What a patch reached: reading the grids of a result, and its strongest components. */

import type { Grid, ModelInfo, Reach, Result } from "../protocol";
import { baseOf, type Cell, cellName, hostCell, layerCells } from "./sites";

export interface Moved {
  readonly along: number;
  readonly size: number;
  readonly cos: number;
}

export type Look = "none" | "zero" | "moved" | "elsewhere";

function at(grid: Grid | undefined, cell: Cell): number {
  if (grid === undefined) return Number.NaN;
  const width = grid.shape[1] ?? 1;
  return grid.data[cell.layer * width + (cell.index ?? 0)] ?? Number.NaN;
}

export function movedAt(reach: Reach | undefined, cell: Cell): Moved | undefined {
  if (reach === undefined) return undefined;
  const name = cell.component;
  const read = (what: string) => at(reach.grids[`${name}.${what}`], cell);
  return { along: read("along"), size: read("size"), cos: read("cos") };
}

/** How a cell is drawn: exactly zero, moved, or moved much but not towards the source. */
export function lookOf(moved: Moved | undefined): Look {
  if (moved === undefined) return "none";
  if (moved.size === 0) return "zero";
  if (!Number.isFinite(moved.along)) return "none";
  if (moved.size >= 0.5 && moved.cos < 0.3) return "elsewhere";
  return Math.abs(moved.along) < 0.05 ? "none" : "moved";
}

export interface Reached extends Moved {
  readonly cell: Cell;
  readonly site: string;
}

/** The heads and MLPs downstream that moved furthest towards the source. */
export function strongest(result: Result, model: ModelInfo, count: number): readonly Reached[] {
  const patched = new Set(result.patches.map((p) => baseOf(p.site)));
  const all: Reached[] = [];
  for (let layer = 0; layer < model.n_layers; layer++) {
    for (const cell of layerCells(layer, model)) {
      if (cell.component !== "z" && cell.component !== "mlp_out") continue;
      const moved = movedAt(result.reach, cell);
      const site = cellName(cell);
      if (moved === undefined || !(Math.abs(moved.along) > 0.01) || patched.has(site)) continue;
      all.push({ ...moved, cell, site });
    }
  }
  return all.sort((a, b) => b.along - a.along).slice(0, count);
}

/** The first layer a patch touches; 0 when it cannot be told (the embedding). */
export function firstLayer(patches: readonly { readonly site: string }[]): number {
  const layers = patches.map((p) => hostCell(p.site)?.layer ?? 0);
  return layers.length === 0 ? 0 : Math.min(...layers);
}
