/** Patches, and the request that asks for their effect. */

import { type Direction, hostOf, type Prompt, sourceOf } from "./experiment";
import { parseSite, printSite } from "./site";

/** "source" is the run that the direction takes values from. */
type Source = "source" | "clean" | "corrupted" | "host";

export interface Patch {
  readonly site: string;
  readonly source: Source;
}

/** All that a result depends on. */
export interface PatchRequest {
  readonly patches: readonly Patch[];
  readonly direction: Direction;
  readonly metric: string;
}

/** The lane that a patch takes its value from. */
export function sourceLane(patch: Patch, direction: Direction): Prompt {
  if (patch.source === "clean" || patch.source === "corrupted") return patch.source;
  return patch.source === "host" ? hostOf(direction) : sourceOf(direction);
}

export function samePatches(a: readonly Patch[], b: readonly Patch[]): boolean {
  const key = (patches: readonly Patch[]) => patches.map(patchKey).sort().join(" ");
  return key(a) === key(b);
}

function patchKey(patch: Patch): string {
  const site = parseSite(patch.site);
  return `${site === undefined ? patch.site : printSite(site)}<${patch.source}`;
}

export function sameRequest(a: PatchRequest, b: PatchRequest): boolean {
  return a.direction === b.direction && a.metric === b.metric && samePatches(a.patches, b.patches);
}

export function sameRun(a: PatchRequest, b: PatchRequest): boolean {
  return a.direction === b.direction && samePatches(a.patches, b.patches);
}

export function requestOf({ patches, direction, metric }: PatchRequest): PatchRequest {
  return { patches, direction, metric };
}
