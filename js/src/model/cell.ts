/** The cells of a lane: the components that are drawn once per layer (or once per head). */

import type { ModelInfo } from "./experiment";
import { range } from "./math";
import { parsePath } from "./path";
import { parseSite } from "./site";

type LayerOutput = "attn_out" | "mlp_out" | "resid_post";

const LAYER_OUTPUTS: readonly LayerOutput[] = ["attn_out", "mlp_out", "resid_post"];

/** Something that each layer draws once; `index` is set for heads only. */
export interface Cell {
  readonly layer: number;
  readonly component: "z" | LayerOutput;
  readonly index: number | undefined;
}

function headCell(layer: number, index: number): Cell {
  return { layer, component: "z", index };
}

export function outputCell(layer: number, component: LayerOutput): Cell {
  return { layer, component, index: undefined };
}

export function cellName({ layer, component, index }: Cell): string {
  return `L${layer}.${index === undefined ? component : `H${index}`}`;
}

/** The cell that is exactly this site; undefined for a neuron, a query, the embedding. */
export function exactCell(text: string): Cell | undefined {
  const site = parseSite(text);
  if (site?.layer === undefined) return undefined;
  const { layer, unit, component } = site;
  if (unit?.startsWith("H") && component === "z") return headCell(layer, Number(unit.slice(1)));
  const output = LAYER_OUTPUTS.find((name) => unit === undefined && name === component);
  return output && outputCell(layer, output);
}

/** The cell that stands for a site: for a neuron its MLP, for a query its head, for a dictionary's feature its stream,
 * for what enters a layer the residual stream after the layer before; for a path its first receiver, which moves first. */
export function nearestCell(text: string): Cell | undefined {
  const path = parsePath(text);
  if (path !== undefined) return nearestCell(path.receivers[0] ?? "");
  const site = parseSite(text);
  if (site?.layer === undefined) return undefined;
  const { layer, unit, component } = site;
  if (unit?.startsWith("H")) return headCell(layer, Number(unit.slice(1)));
  if (unit?.startsWith("N") || component === "mlp_in") return outputCell(layer, "mlp_out");
  if (unit?.startsWith("KV")) return outputCell(layer, "attn_out");
  const stream = component.replace(/\..*/, "");
  if (stream !== component) return nearestCell(`L${layer}.${stream}`);
  if (component === "resid_pre" && layer > 0) return outputCell(layer - 1, "resid_post");
  return exactCell(text);
}

/** The cells of a layer from top to bottom, as the arrow keys walk through them. */
export function layerCells(layer: number, model: Pick<ModelInfo, "n_heads">): readonly Cell[] {
  const heads = range(model.n_heads).map((index) => headCell(layer, index));
  return [...heads, ...LAYER_OUTPUTS.map((output) => outputCell(layer, output))];
}

/** The rest of all components of the kinds in a set, in all layers; undefined where a residual stream is among them. */
export function everythingBut(
  cells: readonly Cell[],
  model: Pick<ModelInfo, "n_heads" | "n_layers">,
): readonly Cell[] | undefined {
  const kinds = new Set(cells.map((cell) => cell.component));
  if (kinds.has("resid_post")) return undefined;
  const left = new Set(cells.map(cellName));
  return range(model.n_layers)
    .flatMap((layer) => layerCells(layer, model))
    .filter((cell) => kinds.has(cell.component) && !left.has(cellName(cell)));
}
