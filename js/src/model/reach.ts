/** How far a patch moved each component: reading the grids of a result. */

import { type Cell, cellName, layerCells, nearestCell, outputCell } from "./cell";
import type { ModelInfo } from "./experiment";
import type { Grid, Reach, Result } from "./result";
import { withoutPosition } from "./site";

export interface Movement {
  readonly along: number;
  readonly size: number;
  readonly cos: number;
}

export type ReachLook = "none" | "zero" | "moved" | "elsewhere";

function at(grid: Grid | undefined, cell: Cell): number {
  if (grid === undefined) return Number.NaN;
  const width = grid.shape[1] ?? 1;
  return grid.data[cell.layer * width + (cell.index ?? 0)] ?? Number.NaN;
}

export function movementAt(reach: Reach | undefined, cell: Cell): Movement | undefined {
  if (reach === undefined) return undefined;
  const name = cell.component;
  const read = (what: string) => at(reach.grids[`${name}.${what}`], cell);
  return { along: read("along"), size: read("size"), cos: read("cos") };
}

/** The movement of the residual stream after a layer. */
export function streamMovement(reach: Reach | undefined, layer: number): Movement | undefined {
  return movementAt(reach, outputCell(layer, "resid_post"));
}

/** How a cell is drawn: exactly zero, moved, or moved much but not towards the source. */
export function reachLook(moved: Movement | undefined): ReachLook {
  if (moved === undefined) return "none";
  if (moved.size === 0) return "zero";
  if (!Number.isFinite(moved.along)) return "none";
  if (moved.size >= 0.5 && moved.cos < 0.3) return "elsewhere";
  return Math.abs(moved.along) < 0.05 ? "none" : "moved";
}

/** The reach of an ablation, which moves nothing towards the other run: how far each component moved, in any direction. */
export function undirected({ position, grids }: Reach): Reach {
  const plain = Object.entries(grids).map(([name, grid]) => {
    const [component = "", what] = name.split(/\.(?=[^.]*$)/);
    const size = grids[`${component}.size`] ?? grid;
    const ones = { ...size, data: Array.from(size.data, (x) => (x > 0 ? 1 : Number.NaN)) };
    return [name, what === "along" ? size : what === "cos" ? ones : grid] as const;
  });
  return { position, grids: Object.fromEntries(plain) };
}

export interface ReachedComponent extends Movement {
  readonly cell: Cell;
  readonly site: string;
}

/** The heads and MLPs downstream that moved furthest towards the source. */
export function furthestMoved(
  result: Result,
  model: ModelInfo,
  count: number,
): readonly ReachedComponent[] {
  const patched = new Set(result.patches.map((p) => withoutPosition(p.site)));
  const all: ReachedComponent[] = [];
  for (let layer = 0; layer < model.n_layers; layer++) {
    for (const cell of layerCells(layer, model)) {
      if (cell.component !== "z" && cell.component !== "mlp_out") continue;
      const moved = movementAt(result.reach, cell);
      const site = cellName(cell);
      if (moved === undefined || !(Math.abs(moved.along) > 0.01) || patched.has(site)) continue;
      all.push({ ...moved, cell, site });
    }
  }
  return all.sort((a, b) => b.along - a.along).slice(0, count);
}

/** The first layer that is patched; 0 for sites without a layer (the embedding). */
export function firstPatchedLayer(patches: readonly { readonly site: string }[]): number {
  const layers = patches.map((p) => nearestCell(p.site)?.layer ?? 0);
  return layers.length === 0 ? 0 : Math.min(...layers);
}
