/** What is known of a patch before Python has answered: a map that is filled has its exact numbers already. */

import { sameEdits } from "../model/edit";
import { hostOf, type Scene } from "../model/experiment";
import { pathOf } from "../model/patch";
import { positionRange } from "../model/position";
import type { Reading } from "../model/result";
import type { Finding } from "../text/finding";
import { mapReading } from "./maps";
import { awaitsResult, currentMetric, findingOf, isChosen } from "./selectors";
import type { State } from "./state";

/** The exact numbers that a map has for a site, as a patch in the chosen direction has them. */
function readingOfMap(state: State, scene: Scene, site: string): Reading | undefined {
  const range = positionRange(site, scene.task);
  if (range !== undefined && range[1] - range[0] !== 1) return undefined;
  const known = mapReading({ ...state, field: "total" }, scene, site);
  if (known === undefined || known.estimated) return undefined;
  const effect = known.look === "zero" ? 0 : known.effect;
  const host = scene.runs[hostOf(state.direction)].values[currentMetric(state, scene).name] ?? null;
  if (host === null || !Number.isFinite(effect)) return undefined;
  const share = Number.isFinite(known.share) ? known.share : null;
  const recovery = share === null || state.direction === "denoise" ? share : 1 - share;
  return { value: host + effect, effect, share, recovery, reason: null };
}

/** The finding of the single patch that the person waits for, without its tokens; undefined if no map knows it. */
export function foretold(state: State, scene: Scene): Finding | undefined {
  const { pending, direction } = state;
  if (pending === undefined || !awaitsResult(state)) return undefined;
  const { patches, pair, edits } = pending.request;
  const [patch, ...more] = patches;
  if (patch === undefined || more.length > 0 || pathOf(patches) !== undefined) return undefined;
  if (pair !== scene.pair || !sameEdits(edits, scene.edits) || !isChosen(state, patch)) return;
  const reading = readingOfMap(state, scene, patch.site);
  const patched = scene.runs[hostOf(direction)];
  return reading && findingOf(state, scene, { patches, direction, reading, patched });
}
