/** The cells of a lane: the components that are drawn once per layer (or once per head). */

import type { ModelInfo } from "./experiment";
import { parseSite } from "./site";

type LayerOutput = "attn_out" | "mlp_out" | "resid_post";

const LAYER_OUTPUTS: readonly LayerOutput[] = ["attn_out", "mlp_out", "resid_post"];

/** Something that each layer draws once; `index` is set for heads only. */
export interface Cell {
  readonly layer: number;
  readonly component: "z" | LayerOutput;
  readonly index: number | undefined;
}

export function cellName(cell: Cell): string {
  return cell.index === undefined
    ? `L${cell.layer}.${cell.component}`
    : `L${cell.layer}.H${cell.index}`;
}

/** The cell that is exactly this site; undefined for a neuron, a query, the embedding. */
export function exactCell(text: string): Cell | undefined {
  const site = parseSite(text);
  if (site?.layer === undefined) return undefined;
  if (site.unit?.startsWith("H") && site.component === "z") {
    return { layer: site.layer, component: "z", index: Number(site.unit.slice(1)) };
  }
  const stream = LAYER_OUTPUTS.find((name) => site.unit === undefined && name === site.component);
  return stream && { layer: site.layer, component: stream, index: undefined };
}

/** The cell that stands for a site: for a neuron its MLP, for a query its head,
 * for what enters a layer the residual stream after the layer before. */
export function nearestCell(text: string): Cell | undefined {
  const site = parseSite(text);
  if (site?.layer === undefined) return undefined;
  if (site.unit?.startsWith("H")) {
    return { layer: site.layer, component: "z", index: Number(site.unit.slice(1)) };
  }
  if (site.unit?.startsWith("N"))
    return { layer: site.layer, component: "mlp_out", index: undefined };
  if (site.unit?.startsWith("KV"))
    return { layer: site.layer, component: "attn_out", index: undefined };
  if (site.component === "resid_pre" && site.layer > 0)
    return { layer: site.layer - 1, component: "resid_post", index: undefined };
  return exactCell(text);
}

/** The cells of a layer from top to bottom, as the arrow keys walk through them. */
export function layerCells(layer: number, model: Pick<ModelInfo, "n_heads">): readonly Cell[] {
  const heads = Array.from(
    { length: model.n_heads },
    (_, index): Cell => ({ layer, component: "z", index }),
  );
  return [
    ...heads,
    ...LAYER_OUTPUTS.map((component): Cell => ({ layer, component, index: undefined })),
  ];
}

/** All other heads of the layer, or the same component in all other layers; undefined for the residual stream. */
export function everythingBut(
  cell: Cell,
  model: Pick<ModelInfo, "n_heads" | "n_layers">,
): readonly string[] | undefined {
  if (cell.component === "resid_post") return undefined;
  if (cell.component === "z") {
    const heads = layerCells(cell.layer, model).filter((c) => c.component === "z");
    return heads.filter((c) => c.index !== cell.index).map(cellName);
  }
  const layers = Array.from({ length: model.n_layers }, (_, layer) => layer);
  return layers
    .filter((layer) => layer !== cell.layer)
    .map((layer) => cellName({ ...cell, layer }));
}
