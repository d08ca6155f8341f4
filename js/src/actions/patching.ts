/** Patching sites, adding to a joint patch, cancelling and clearing. */

import { cellName, nearestCell } from "../model/cell";
import { refusalReason, type Scene } from "../model/experiment";
import { type Patch, patchWith } from "../model/patch";
import { parsePath, printPath, senderOf } from "../model/path";
import { atPosition, positionRange } from "../model/position";
import { parseSite, withoutPosition } from "../model/site";
import { fitsBoxes } from "../model/source";
import { selectedPatches } from "../state/selectors";
import type { State } from "../state/state";
import { NOISE_ON_TOKENS } from "../text/source";
import { NO_COUNTERPART, refusalSentence } from "../text/status";
import { askSweep } from "./sweep";
import { askPatch, set, type Tools } from "./tools";

function toggled(
  patches: readonly Patch[],
  added: Patch,
  same: (a: string, b: string) => boolean,
): readonly Patch[] {
  const rest = patches.filter((patch) => !same(patch.site, added.site));
  return rest.length < patches.length ? rest : [...patches, added];
}

export function patchSites(tools: Tools, sites: readonly string[]): void {
  const { source } = tools.store.state();
  askPatch(tools, { patches: sites.map((site) => patchWith(source, site)) });
}

/** The site at the selected position. */
export function atSelectedPosition(state: State, site: string): string {
  return atPosition(site, state.position, state.scene?.task.clean.length ?? 0);
}

/** Why a site cannot be patched at its position; undefined if it can. */
function counterpartProblem({ task }: Scene, site: string): string | undefined {
  const [from, to] = positionRange(site, task) ?? [0, 0];
  const at = task.counterparts.findIndex((there, i) => there === null && i >= from && i < to);
  return at < 0 ? undefined : `position ${at} has ${NO_COUNTERPART.clean}. Choose another.`;
}

/** Whether a site can be patched; if not, the page says why. */
export function canPatch({ store }: Tools, patched: string): boolean {
  const { scene, source } = store.state();
  const site = senderOf(patched);
  const component = parseSite(site)?.component;
  const refused = scene && component && refusalReason(scene, component);
  const reason = refused ?? (scene && counterpartProblem(scene, site));
  const cell = nearestCell(site);
  set(store, { focus: cell === undefined ? withoutPosition(site) : cellName(cell) });
  if (reason !== undefined) set(store, { notice: refusalSentence(site, reason) });
  const fits = fitsBoxes(source) || component === "embed";
  if (!fits) set(store, { notice: NOISE_ON_TOKENS });
  return reason === undefined && fits;
}

export function patchOrClear(tools: Tools, patches: readonly Patch[]): void {
  if (patches.length === 0) clear(tools);
  else askPatch(tools, { patches });
}

export function patchOne(tools: Tools, site: string, extend: boolean): void {
  if (!canPatch(tools, atSelectedPosition(tools.store.state(), site))) return;
  const state = tools.store.state();
  const added = patchWith(state.source, atSelectedPosition(state, site));
  const sameComponent = (a: string, b: string) => withoutPosition(a) === withoutPosition(b);
  patchOrClear(tools, extend ? toggled(selectedPatches(state), added, sameComponent) : [added]);
}

/** Patches a cell of a map: its site as it is, so that its number is the map's. */
export function patchExactly(tools: Tools, site: string, extend: boolean): void {
  if (!canPatch(tools, site)) return;
  const added = patchWith(tools.store.state().source, site);
  const same = (a: string, b: string) => a === b;
  patchOrClear(
    tools,
    extend ? toggled(selectedPatches(tools.store.state()), added, same) : [added],
  );
}

export function clear(tools: Tools): void {
  tools.store.dispatch({ type: "cleared" });
  askPatch(tools, { patches: [] });
}

/** Cancels the patch; the sweep goes on. */
export function cancelPatch(tools: Tools): void {
  const { store, kernel } = tools;
  const running = ["running", "waiting"].includes(store.state().sweep.phase);
  kernel.cancel();
  store.dispatch({ type: "dropped" });
  if (running) askSweep(tools);
}

/** A path that was typed, or that a map stands for: the draft follows, so that it can go on from there. */
export function followPath(tools: Tools, text: string): void {
  const path = parsePath(text);
  if (path !== undefined && tools.store.state().draft !== undefined)
    set(tools.store, { draft: { ...path, choices: [] } });
}

function sitesIn(text: string): readonly string[] {
  return text.split(/[+,\s]+/).filter((site) => site !== "");
}

/**
 * Patches what was typed, such as "L23.H3 + L20.H0". The kernel says what is wrong with it; so the field stays open, with
 * its text and the keyboard, until there is an answer.
 */
export function patchTyped(tools: Tools, text: string): void {
  const path = parsePath(text);
  const sites = path === undefined ? sitesIn(text) : [printPath(path)];
  set(tools.store, { typed: sites });
  patchSites(tools, sites);
  if (path !== undefined) followPath(tools, text);
}

/** Closes the field when what was typed has its answer; the keyboard goes on from there. */
export function closeSiteBox(tools: Tools, before: State): void {
  const { typed, panel, pending, result, problem } = tools.store.state();
  if (typed === undefined || before.pending === undefined || pending !== undefined) return;
  set(tools.store, { typed: undefined });
  if (panel !== "site" || problem !== undefined || result === before.result) return;
  const cell = nearestCell(typed[0] ?? "");
  set(tools.store, { panel: "none", ...(cell === undefined ? {} : { focus: cellName(cell) }) });
  tools.page.focusGrid();
}
