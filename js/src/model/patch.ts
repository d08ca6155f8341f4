/** Patches, and the request that asks for their effect. */

import { type Edit, sameEdits } from "./edit";
import { type Direction, type Prompt, type ShownPair, sourceOf } from "./experiment";
import { type Path, parsePath } from "./path";
import { parseSite, printSite } from "./site";
import { type Cut, isAblation, type Source, sourceAt, sourceKey } from "./source";

export interface Patch {
  readonly site: string;
  readonly source: Source;
}

/** All that a result depends on. */
export interface PatchRequest {
  readonly patches: readonly Patch[];
  readonly direction: Direction;
  readonly metric: string;
  readonly pair: ShownPair;
  readonly edits: readonly Edit[];
  /** What is put into whatever is patched next; absent, the run that the direction takes values from. */
  readonly source?: Source;
}

/** What runs, whatever of it is shown. */
export type Run = Pick<PatchRequest, "patches" | "direction" | "edits">;

export function isCut(patch: Patch): patch is Patch & { readonly source: Cut } {
  return typeof patch.source === "object" && patch.source.kind === "cut";
}

/** Whether a patch writes what its host has anyway, so that nothing before it can change it. */
export function isFrozen({ source }: Patch): boolean {
  return source === "host";
}

/** The patches that bring something. */
export function notFrozen(patches: readonly Patch[]): readonly Patch[] {
  return patches.filter((patch) => !isFrozen(patch));
}

/** A patch with a chosen source. A path carries what the other run has. */
export function patchWith(source: Source, site: string): Patch {
  return { site, source: parsePath(site) === undefined ? sourceAt(source, site) : "source" };
}

/** Whether a joint patch only takes information away. */
export function onlyAblates(patches: readonly Patch[]): boolean {
  const brought = notFrozen(patches);
  return brought.length > 0 && brought.every((patch) => isAblation(patch.source));
}

/** The lane that a patch brings its value from; undefined if from none, or not from the same place. */
export function sourceLane(patch: Patch, direction: Direction): Prompt | undefined {
  if (typeof patch.source === "object" || patch.source === "host") return undefined;
  return patch.source === "source" ? sourceOf(direction) : patch.source;
}

/** The path that is followed; undefined where sites are patched. */
export function pathOf(patches: readonly Patch[]): Path | undefined {
  const [only] = patches;
  return only && parsePath(only.site);
}

export function samePatches(a: readonly Patch[], b: readonly Patch[]): boolean {
  return patchesKey(a) === patchesKey(b);
}

/** The same for the same joint patch, in whatever order. */
export function patchesKey(patches: readonly Patch[]): string {
  return patches.map(patchKey).sort().join(" ");
}

function patchKey(patch: Patch): string {
  const site = parseSite(patch.site);
  const source = isCut(patch)
    ? `cut(${[...patch.source.keys].sort().join()})`
    : sourceKey(patch.source);
  return `${site === undefined ? patch.site : printSite(site)}<${source}`;
}

export function sameRequest(a: PatchRequest, b: PatchRequest): boolean {
  return a.metric === b.metric && a.pair === b.pair && sameRun(a, b);
}

/** Whether the same runs: all metrics and all pairs are measured in one go. */
export function sameRun(a: Run, b: Run): boolean {
  if (a.direction !== b.direction || !sameEdits(a.edits, b.edits)) return false;
  return samePatches(a.patches, b.patches);
}

export function requestOf(of: PatchRequest): PatchRequest {
  const { patches, direction, metric, pair, edits, source = "source" } = of;
  return { patches, direction, metric, pair, edits, source };
}
