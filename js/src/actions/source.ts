/** Choosing what is put into the host, and which run the host is. */

import type { Direction, Prompt } from "../model/experiment";
import { isCut, isFrozen, type Patch, patchWith } from "../model/patch";
import { atPosition, positionText } from "../model/position";
import { parseSite } from "../model/site";
import { fitsBoxes, isAblation, isMade, type Source } from "../model/source";
import { selectedPatches } from "../state/selectors";
import type { State } from "../state/state";
import { askPatch, set, type Tools } from "./tools";

export interface SourceActions {
  /** Puts another source into what is patched, and into what will be. */
  source(source: Source): void;
  /** Puts the values of a run into the other one. */
  fromRun(run: Prompt): void;
  /** Chooses the run that is patched. */
  into(run: Prompt): void;
}

/** The noise on the embedding of the chosen token; nothing where none is chosen. */
function noiseOn(source: Source, state: State): readonly Patch[] {
  const at = positionText(state.position, state.scene?.task.clean.length ?? 0);
  return at === undefined ? [] : [patchWith(source, `embed@${at}`)];
}

/** The selected patches with another source. Noise fits embeddings alone; what is cut or frozen stays so. */
function converted(state: State, source: Source): readonly Patch[] {
  const patches = selectedPatches(state);
  const all = patches.map((patch) =>
    isCut(patch) || isFrozen(patch) ? patch : patchWith(source, patch.site),
  );
  if (fitsBoxes(source)) return all;
  const embedded = all.filter(({ site }) => parseSite(site)?.component === "embed");
  return embedded.length > 0 ? embedded : noiseOn(source, state);
}

/** Ablations ask what a run loses, and the clean run has something to lose. */
function usualDirection({ source: before, direction }: State, source: Source): Direction {
  return isAblation(source) && !isAblation(before) ? "noise" : direction;
}

/** A new steering vector points to the other run. */
function towardsOther(state: State, source: Source, direction: Direction): Source {
  const { source: before } = state;
  const fresh = isMade(source) && source.kind === "steer" && !sameKind(before, source);
  return fresh && direction === "noise"
    ? { ...source, alpha: -Math.abs(source.alpha ?? 1) }
    : source;
}

function sameKind(a: Source, b: Source): boolean {
  return isMade(a) && isMade(b) && a.kind === b.kind;
}

function choose(tools: Tools, wanted: Source): void {
  const state = tools.store.state();
  const direction = usualDirection(state, wanted);
  const source = towardsOther(state, wanted, direction);
  // Paths and direct effects are of the other run's values.
  if (isMade(source)) set(tools.store, { field: "total", draft: undefined });
  askPatch(tools, { source, direction, patches: converted(state, source) });
}

function fromRun(tools: Tools, run: Prompt): void {
  const direction = run === "clean" ? "denoise" : "noise";
  const patches = converted(tools.store.state(), "source");
  askPatch(tools, { source: "source", direction, patches });
}

export function sourceActions(tools: Tools): SourceActions {
  return {
    source: (source) => choose(tools, source),
    fromRun: (run) => fromRun(tools, run),
    into: (run) => askPatch(tools, { direction: run === "corrupted" ? "denoise" : "noise" }),
  };
}

/** With noise, a click on a token is a patch of its embedding. */
export function noiseAt(state: State, position: State["position"]): readonly Patch[] | undefined {
  if (fitsBoxes(state.source) || position === "all") return undefined;
  const length = state.scene?.task.clean.length ?? 0;
  return [patchWith(state.source, atPosition("embed", position, length))];
}
