/** Choosing another token position. */

import { firstDifference, lacksCounterpart } from "../model/counterparts";
import { isCut, pathOf } from "../model/patch";
import { type Path, printPath } from "../model/path";
import { atPosition, type Position, positionIndex } from "../model/position";
import { positionOf } from "../model/site";
import { selectedPatches } from "../state/selectors";
import type { State } from "../state/state";
import { followPath } from "./patching";
import { noiseAt } from "./source";
import { askPatch, set, type Tools } from "./tools";

/** Where prompts of unequal lengths stand over each other, an index means nothing: the position's name is selected. */
function writtenPosition({ scene }: State, chosen: Position): Position {
  const place = typeof chosen === "number" ? scene?.task.places?.[chosen] : undefined;
  if (place === undefined) return chosen;
  return place === "-1" ? -1 : place;
}

/** Selects a position. The patches move there too, if all of them were at one position. */
export function movePosition(tools: Tools, chosen: Position): void {
  const state = tools.store.state();
  const position = writtenPosition(state, chosen);
  set(tools.store, { position });
  const patches = selectedPatches(state);
  const noise = noiseAt(state, position);
  if (noise !== undefined && patches.length === 0) {
    askPatch(tools, { patches: noise });
    return;
  }
  const at = new Set(patches.map((patch) => positionOf(patch.site)));
  // A cut edge stays where it is: the position chooses the query whose attention is seen.
  if (patches.length === 0 || at.size > 1 || patches.some(isCut)) {
    tools.kernel.position(position);
    return;
  }
  const path = pathOf(patches);
  if (path !== undefined) {
    moveSender(tools, path, position);
    return;
  }
  const length = state.scene?.task.clean.length ?? 0;
  askPatch(tools, {
    patches: patches.map((patch) => ({ ...patch, site: atPosition(patch.site, position, length) })),
  });
}

/** A path moves with its sender, which is what is patched. */
function moveSender(tools: Tools, path: Path, position: Position): void {
  const length = tools.store.state().scene?.task.clean.length ?? 0;
  const site = printPath({ ...path, sender: atPosition(path.sender, position, length) });
  askPatch(tools, { patches: [{ site, source: "source" }] });
  followPath(tools, site);
}

export function stepPosition(tools: Tools, step: -1 | 1): void {
  const { scene, position } = tools.store.state();
  if (scene === undefined) return;
  const { task } = scene;
  const last = task.clean.length - 1;
  const index = positionIndex(position, task);
  const start = step === 1 ? firstDifference(task) : last;
  let next = index === undefined ? start : index + step;
  while (lacksCounterpart(task, next)) next += step;
  // At the first and at the last position that can be patched, nothing happens.
  if (next >= 0 && next <= last) movePosition(tools, next);
}

/** Shows all tokens of a long prompt, from the selected or the first differing one on; or folds them again. */
export function unfold({ store, page }: Tools): void {
  const { scene, position, unfolded } = store.state();
  set(store, { unfolded: !unfolded });
  if (scene === undefined || unfolded) return;
  page.showToken(positionIndex(position, scene.task) ?? firstDifference(scene.task));
}
