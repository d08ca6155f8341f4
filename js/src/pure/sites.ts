/** Site strings (L9.H6@-1) and the cells that the lanes draw: parsing, printing, comparing. */

import type { ModelInfo, Patch, Position, TaskInfo } from "../protocol";

export type Stream = "attn_out" | "mlp_out" | "resid_post";
export const STREAM: readonly Stream[] = ["attn_out", "mlp_out", "resid_post"];

/** A thing drawn once per layer; `index` is set for heads and nothing else. */
export interface Cell {
  readonly layer: number;
  readonly component: "z" | Stream;
  readonly index: number | undefined;
}

export interface Site {
  readonly layer: number | undefined;
  readonly unit: string | undefined;
  readonly component: string;
  readonly position: string | undefined;
}

const SITE = /^(?:L(\d+)\.)?(?:((?:H|KV|N)\d+)(?:\.([a-z_]+))?|([a-z][a-z_]*))(?:@([\w:+-]+))?$/;

function unitComponent(unit: string): string {
  return unit.startsWith("N") ? "neuron" : "z";
}

/** The parts of a site string; undefined when it is not one. */
export function parseSite(text: string): Site | undefined {
  const match = SITE.exec(text.trim());
  if (match === null) return undefined;
  const [, layer, unit, suffix, bare, position] = match;
  if (layer === undefined && bare !== "embed") return undefined;
  const component = unit === undefined ? (bare ?? "") : (suffix ?? unitComponent(unit));
  return { layer: layer === undefined ? undefined : Number(layer), unit, component, position };
}

export function printSite(site: Site): string {
  const layer = site.layer === undefined ? [] : [`L${site.layer}`];
  const implied = site.unit !== undefined && site.component === unitComponent(site.unit);
  const parts = [...layer, ...(site.unit === undefined ? [] : [site.unit])];
  const name = (implied ? parts : [...parts, site.component]).join(".");
  return site.position === undefined ? name : `${name}@${site.position}`;
}

/** The site without its position: what stands in the page as `data-site`. */
export function baseOf(text: string): string {
  const site = parseSite(text);
  return site === undefined ? text : printSite({ ...site, position: undefined });
}

export function positionOf(text: string): string | undefined {
  return parseSite(text)?.position;
}

export function cellName(cell: Cell): string {
  return cell.index === undefined
    ? `L${cell.layer}.${cell.component}`
    : `L${cell.layer}.H${cell.index}`;
}

/** The drawn cell that stands for a site, or undefined (a neuron, a query, the embedding). */
export function cellOf(text: string): Cell | undefined {
  const site = parseSite(text);
  if (site?.layer === undefined) return undefined;
  if (site.unit?.startsWith("H") && site.component === "z") {
    return { layer: site.layer, component: "z", index: Number(site.unit.slice(1)) };
  }
  const stream = STREAM.find((name) => site.unit === undefined && name === site.component);
  return stream && { layer: site.layer, component: stream, index: undefined };
}

/** The cell nearest to any site: a neuron shows on its MLP, a query on its head,
 * what enters a block on the stream after the one before. */
export function hostCell(text: string): Cell | undefined {
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
  return cellOf(text);
}

/** What a layer holds, top to bottom, as the arrow keys walk through it. */
export function layerCells(layer: number, model: Pick<ModelInfo, "n_heads">): readonly Cell[] {
  const heads = Array.from(
    { length: model.n_heads },
    (_, index): Cell => ({ layer, component: "z", index }),
  );
  return [...heads, ...STREAM.map((component): Cell => ({ layer, component, index: undefined }))];
}

/** A position as written in a site: the last token is -1, whatever the prompt's length. */
export function positionText(position: Position, length: number): string | undefined {
  if (position === "all") return undefined;
  if (typeof position === "string") return position;
  return position === length - 1 ? "-1" : String(position);
}

export function atPosition(text: string, position: Position, length: number): string {
  const site = parseSite(text);
  if (site === undefined) return text;
  return printSite({ ...site, position: positionText(position, length) });
}

/** The token positions a site covers, as [from, to); undefined = all. */
export function span(
  text: string,
  task: Pick<TaskInfo, "clean" | "positions">,
): readonly [number, number] | undefined {
  const written = positionOf(text);
  if (written === undefined) return undefined;
  const length = task.clean.length;
  const absolute = (part: string, otherwise: number): number => {
    if (part === "") return otherwise;
    const index = task.positions[part] ?? Number(part);
    return index < 0 ? index + length : index;
  };
  const [from = "", to] = written.split(":");
  const start = absolute(from, 0);
  return [start, to === undefined ? start + 1 : absolute(to, length)];
}

/** A position trait as a token index; undefined = all. */
export function positionIndex(
  position: Position,
  task: Pick<TaskInfo, "clean" | "positions">,
): number | undefined {
  if (position === "all") return undefined;
  const index = typeof position === "number" ? position : task.positions[position];
  if (index === undefined) return undefined;
  return index < 0 ? index + task.clean.length : index;
}

export function samePatches(a: readonly Patch[], b: readonly Patch[]): boolean {
  const key = (patches: readonly Patch[]) => patches.map(patchKey).sort().join(" ");
  return key(a) === key(b);
}

function patchKey(patch: Patch): string {
  const site = parseSite(patch.site);
  return `${site === undefined ? patch.site : printSite(site)}<${patch.source}`;
}

/** Everything of the same kind but this one; undefined where that says nothing. */
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
