/** Questions about the state that more than one view asks. Pure. */

import type { MetricInfo, Reading, Scene } from "./protocol";
import { baseOf, positionIndex, span } from "./pure/sites";
import { type Found, nameOf } from "./pure/words";
import { chosen, type State } from "./state";

const UNKNOWN: MetricInfo = {
  name: "",
  label: "",
  unit: "",
  lower_is_better: false,
  noise_floor: 0,
};

export function metricOf(state: State, scene: Scene): MetricInfo {
  return (
    scene.metrics.find((metric) => metric.name === state.metric) ?? scene.metrics[0] ?? UNKNOWN
  );
}

/** The last answer in the metric that is chosen now. */
export function foundOf(state: State, scene: Scene): Found | undefined {
  const { result } = state;
  const metric = metricOf(state, scene);
  const reading = result?.readings[metric.name];
  if (result === undefined || reading === undefined) return undefined;
  const { patches, direction, patched } = result;
  return {
    patches,
    direction,
    reading,
    patched,
    runs: scene.runs,
    metric,
    model: scene.model,
    nPairs: scene.task.n_pairs,
  };
}

/** The readings of single patches at all positions that are already known, by site. */
export function knownReadings(state: State, metric: string): ReadonlyMap<string, Reading> {
  const known = new Map<string, Reading>();
  const learn = (site: string, reading: Reading | undefined) => {
    if (reading !== undefined && !site.includes("@")) known.set(baseOf(site), reading);
  };
  for (const { result, singles } of state.entries) {
    if (result.direction !== state.direction) continue;
    for (const single of singles) learn(single.site, single.readings[metric]);
    const [only, ...more] = result.patches;
    if (only?.source === "source" && more.length === 0) learn(only.site, result.readings[metric]);
  }
  return known;
}

/** The bases of the sites that are chosen. */
export function chosenBases(state: State): ReadonlySet<string> {
  return new Set(chosen(state).map((patch) => baseOf(patch.site)));
}

/** Token positions to mark in the ribbons: those of the chosen patches, and the chosen position. */
export function markedPositions(state: State, scene: Scene): ReadonlySet<number> {
  const marked = new Set<number>();
  for (const { site } of chosen(state)) {
    const range = span(site, scene.task);
    if (range === undefined) continue;
    for (let i = range[0]; i < range[1]; i++) marked.add(i);
  }
  const at = positionIndex(state.position, scene.task);
  if (at !== undefined) marked.add(at);
  return marked;
}

export function shownName(state: State, scene: Scene): string | undefined {
  return state.result && nameOf(state.result.patches, scene.model);
}

export function pendingName(state: State, scene: Scene): string | undefined {
  const patches = state.pending?.request.patches ?? [];
  return patches.length === 0 ? undefined : nameOf(patches, scene.model);
}

/** Why a component cannot be patched in this model; undefined where it can. */
export function refusalOf(scene: Scene, component: string): string | undefined {
  return scene.model.refused[component];
}
