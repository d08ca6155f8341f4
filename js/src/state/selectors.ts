/** Questions about the state that several modules ask. */

import { type Edit, sameEdits } from "../model/edit";
import type { Direction, MetricInfo, Scene, ShownPair } from "../model/experiment";
import { readingOf } from "../model/pairs";
import { type Patch, type PatchRequest, pathOf, sameRequest, sameRun } from "../model/patch";
import { senderOf, wholeSite } from "../model/path";
import { positionIndex, positionRange } from "../model/position";
import type { Reading } from "../model/result";
import { withoutPosition } from "../model/site";
import { sourceAt, sourceKey } from "../model/source";
import type { Finding } from "../text/finding";
import { patchName } from "../text/names";
import type { State } from "./state";

/** Always the same array, so that views see that nothing changed. */
const NONE: readonly Patch[] = [];
const NO_EDITS: readonly Edit[] = [];

/** The patches that the person sees as selected: the pending ones, otherwise those of the result. */
export function selectedPatches(state: State): readonly Patch[] {
  return state.pending?.request.patches ?? state.result?.patches ?? NONE;
}

/** The request whose answer the person sees, or waits for. */
export function selectedRequest(state: State): PatchRequest {
  const { direction, metric, source } = state;
  const edits = state.pending?.request.edits ?? state.scene?.edits ?? NO_EDITS;
  const patches = selectedPatches(state);
  return { patches, direction, metric, pair: selectedPair(state), edits, source };
}

/** The pair that is shown, or that the person waits for. */
export function selectedPair({ pending, scene }: State): ShownPair {
  return pending?.request.pair ?? scene?.pair ?? "mean";
}

/** The selected request as lines of Python; undefined until the kernel has written them. */
export function selectedCode(state: State): string | undefined {
  const { code } = state;
  return code !== undefined && sameRequest(code.request, selectedRequest(state))
    ? code.lines
    : undefined;
}

/** Whether a pending patch will change the picture; another metric of the same run will not. */
export function awaitsResult(state: State): boolean {
  const { pending, result, scene } = state;
  if (pending === undefined) return false;
  const { pair, edits } = pending.request;
  if (scene !== undefined && (pair !== scene.pair || !sameEdits(edits, scene.edits))) return true;
  return result === undefined
    ? pending.request.patches.length > 0
    : !sameRun(pending.request, result);
}

/** The direction of what is shown. It is the selected one, except while a patch is pending. */
export function shownDirection(state: State): Direction {
  return state.result?.direction ?? state.direction;
}

const UNKNOWN: MetricInfo = {
  name: "",
  label: "",
  unit: "",
  lower_is_better: false,
  noise_floor: 0,
};

export function currentMetric(state: State, scene: Scene): MetricInfo {
  return (
    scene.metrics.find((metric) => metric.name === state.metric) ?? scene.metrics[0] ?? UNKNOWN
  );
}

type Measured = Pick<Finding, "patches" | "direction" | "reading" | "patched" | "whole">;

/** What was measured in the selected metric, with all that its sentences need. */
export function findingOf(state: State, scene: Scene, measured: Measured): Finding {
  const { runs, model, pair, task } = scene;
  const metric = currentMetric(state, scene);
  const { answer, foil, n_pairs: nPairs } = task;
  return { ...measured, runs, metric, model, pair, nPairs, answer, foil };
}

/** The result as a finding. */
export function currentFinding(state: State, scene: Scene): Finding | undefined {
  const { result } = state;
  const { name } = currentMetric(state, scene);
  const reading = result && readingOf(result, name, scene.pair);
  if (result === undefined || reading === undefined) return undefined;
  const { patches, direction, patched } = result;
  const whole = wholeEffect(state, name);
  return findingOf(state, scene, { patches, direction, reading, patched, whole });
}

/** Of a path, the total effect of what it is part of; undefined where that is not known. */
function wholeEffect(state: State, metric: string): number | null | undefined {
  const { result } = state;
  const path = result && pathOf(result.patches);
  if (path === undefined) return undefined;
  const site = wholeSite(path);
  const singles = state.entries.find((entry) => entry.result.id === result?.id)?.singles ?? [];
  const alone = singles.find((single) => single.site === site)?.readings[metric];
  return (alone ?? knownReadings(state, metric).get(site))?.effect;
}

/** Whether a patch puts in what is chosen now. */
export function isChosen({ source }: State, patch: Patch): boolean {
  return sourceKey(patch.source) === sourceKey(sourceAt(source, patch.site));
}

/** Whether a result is of the prompts that are shown, edited or not. */
export function ofShownPrompts({ scene }: State, { edits }: Pick<PatchRequest, "edits">): boolean {
  return sameEdits(edits, scene?.edits ?? NO_EDITS);
}

/** The known readings of single patches at all positions, by site. */
export function knownReadings(state: State, metric: string): ReadonlyMap<string, Reading> {
  const known = new Map<string, Reading>();
  const learn = (site: string, reading: Reading | undefined) => {
    if (reading !== undefined && !site.includes("@")) known.set(withoutPosition(site), reading);
  };
  const pair = state.scene?.pair ?? "mean";
  for (const { result, singles } of state.entries) {
    if (result.direction !== state.direction || !ofShownPrompts(state, result)) continue;
    if (!result.patches.every((patch) => isChosen(state, patch))) continue;
    if (result.pair === pair)
      for (const single of singles) learn(single.site, single.readings[metric]);
    const [only, ...more] = result.patches;
    if (pathOf(result.patches) !== undefined) continue;
    if (only !== undefined && more.length === 0) learn(only.site, readingOf(result, metric, pair));
  }
  return known;
}

/** The token positions to mark: those of the selected patches, and the selected position. */
export function markedPositions(state: State, scene: Scene): ReadonlySet<number> {
  const marked = new Set<number>();
  for (const { site } of selectedPatches(state)) {
    const range = positionRange(senderOf(site), scene.task);
    if (range === undefined) continue;
    for (let i = range[0]; i < range[1]; i++) marked.add(i);
  }
  const at = positionIndex(state.position, scene.task);
  if (at !== undefined) marked.add(at);
  return marked;
}

export function shownPatchName(state: State, scene: Scene): string | undefined {
  return state.result && patchName(state.result.patches, scene.model);
}

export function pendingPatchName(state: State, scene: Scene): string | undefined {
  const patches = state.pending?.request.patches ?? [];
  return patches.length === 0 ? undefined : patchName(patches, scene.model);
}

/** "@9" is the token at position 9; undefined if there is none. */
export function columnOfToken(name: string, { task }: Scene): number | undefined {
  const at = Number(name.slice(1) || Number.NaN);
  return Number.isInteger(at) && at >= 0 && at < task.clean.length ? at : undefined;
}

/** The token position under the pointer; undefined means all. */
export function hoveredPosition(state: State, scene: Scene): number | undefined {
  const { hover } = state;
  if (hover === undefined) return undefined;
  if (hover.startsWith("@")) return columnOfToken(hover, scene);
  return positionRange(hover, scene.task)?.[0];
}

export function selectedPosition(state: State, scene: Scene): number | undefined {
  return positionIndex(state.position, scene.task);
}
