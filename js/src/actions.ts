/** What the person may do: every action as a change of state, a question to the kernel, or both. */

import type { Client } from "./client";
import type { Actions } from "./context";
import type { Patch, PatchRequest, Position, Scene } from "./protocol";
import { ALONE, firstDifference, isAlone } from "./pure/counterparts";
import { following, type Layout } from "./pure/geometry";
import {
  atPosition,
  baseOf,
  cellName,
  hostCell,
  parseSite,
  positionIndex,
  positionOf,
  span,
} from "./pure/sites";
import { refusedWords } from "./pure/words";
import { refusalOf } from "./select";
import { chosen, type Panel, type Settable, type State, type Store } from "./state";
import { askSweep } from "./sweeping";

/** What actions need of the page. */
export interface Page {
  readonly layout: () => Layout | undefined;
  readonly focusCell: (site: string) => void;
  readonly focusMap: (name: string, site: string) => void;
  /** The cell that Tab would reach. */
  readonly focusGrid: () => void;
  readonly focusPanel: () => void;
  readonly copy: (text: string) => Promise<boolean>;
}

export interface Tools {
  readonly store: Store;
  readonly client: Client;
  readonly page: Page;
}

export function set(store: Store, values: Partial<Settable>): void {
  store.dispatch({ type: "set", values });
}

/** Asks the kernel; `cursor` says which step of the timeline this is. */
export function ask(
  { store, client }: Tools,
  change: Partial<PatchRequest>,
  cursor?: number,
): void {
  const state = store.state();
  const { direction, metric } = state;
  const request = { patches: chosen(state), direction, metric, ...change };
  client.patch(request, (id) =>
    store.dispatch({ type: "asked", pending: { id, request, cursor } }),
  );
}

function toggled(
  patches: readonly Patch[],
  added: Patch,
  same: (a: string, b: string) => boolean,
): readonly Patch[] {
  const rest = patches.filter((patch) => !same(patch.site, added.site));
  return rest.length < patches.length ? rest : [...patches, added];
}

export function patchSites(tools: Tools, sites: readonly string[]): void {
  ask(tools, { patches: sites.map((site): Patch => ({ site, source: "source" })) });
}

/** The site at the chosen position. */
export function placed(state: State, site: string): string {
  return atPosition(site, state.position, state.scene?.task.clean.length ?? 0);
}

/** Why a site cannot be patched at a position that it names; undefined where it can. */
function aloneAt({ task }: Scene, site: string): string | undefined {
  const [from, to] = span(site, task) ?? [0, 0];
  const alone = task.counterparts.findIndex((at, i) => at === null && i >= from && i < to);
  return alone < 0 ? undefined : `position ${alone} has ${ALONE.clean}. Choose another.`;
}

/** False, with the reason on the screen, where a model or the prompts do not have the site. */
function allowed({ store }: Tools, site: string): boolean {
  const { scene } = store.state();
  const component = parseSite(site)?.component;
  const refused = scene && component && refusalOf(scene, component);
  const reason = refused ?? (scene && aloneAt(scene, site));
  const cell = hostCell(site);
  set(store, { focus: cell === undefined ? baseOf(site) : cellName(cell) });
  if (reason !== undefined) set(store, { notice: refusedWords(site, reason) });
  return reason === undefined;
}

function patchThese(tools: Tools, patches: readonly Patch[]): void {
  if (patches.length === 0) clear(tools);
  else ask(tools, { patches });
}

function patchOne(tools: Tools, site: string, extend: boolean): void {
  if (!allowed(tools, placed(tools.store.state(), site))) return;
  const state = tools.store.state();
  const added: Patch = { site: placed(state, site), source: "source" };
  const sameBase = (a: string, b: string) => baseOf(a) === baseOf(b);
  patchThese(tools, extend ? toggled(chosen(state), added, sameBase) : [added]);
}

/** A cell of a map: its site as it is, whatever position is chosen, so that its number is the map's. */
function patchExactly(tools: Tools, site: string, extend: boolean): void {
  if (!allowed(tools, site)) return;
  const added: Patch = { site, source: "source" };
  const same = (a: string, b: string) => a === b;
  patchThese(tools, extend ? toggled(chosen(tools.store.state()), added, same) : [added]);
}

export function clear(tools: Tools): void {
  tools.store.dispatch({ type: "cleared" });
  ask(tools, { patches: [] });
}

/** `cancel` ends all that the kernel does: a patch that was on its way is asked again. */
function stopSweep(tools: Tools): void {
  const { store, client } = tools;
  const { pending } = store.state();
  client.cancel();
  store.dispatch({ type: "sweep", event: { type: "stopped" } });
  if (pending?.id !== undefined) ask(tools, pending.request, pending.cursor);
}

/** Cancels the patch; maps that were being filled go on. */
function cancelPatch(tools: Tools): void {
  const { store, client } = tools;
  const running = store.state().sweep.phase === "running";
  client.cancel();
  store.dispatch({ type: "dropped" });
  if (running) askSweep(tools);
}

/** Another position: what is patched moves there with it, if it was all at one position. */
function movePosition(tools: Tools, position: Position): void {
  const state = tools.store.state();
  set(tools.store, { position });
  const patches = chosen(state);
  const at = new Set(patches.map((patch) => positionOf(patch.site)));
  if (patches.length === 0 || at.size > 1) return;
  const length = state.scene?.task.clean.length ?? 0;
  ask(tools, {
    patches: patches.map((patch) => ({ ...patch, site: atPosition(patch.site, position, length) })),
  });
}

function stepPosition(tools: Tools, step: -1 | 1): void {
  const { scene, position } = tools.store.state();
  if (scene === undefined) return;
  const { task } = scene;
  const last = task.clean.length - 1;
  const index = positionIndex(position, task);
  const start = step === 1 ? firstDifference(task) : last;
  let next = index === undefined ? start : index + step;
  while (isAlone(task, next)) next += step;
  // What lies beyond the first or the last position that can be patched is where one is already.
  if (next >= 0 && next <= last) movePosition(tools, next);
}

function travel(tools: Tools, step: -1 | 1): void {
  const { timeline, cursor, pending } = tools.store.state();
  const target = (pending?.cursor ?? cursor) + step;
  const request = timeline[target];
  if (request === undefined) return;
  if (request.patches.length === 0) tools.store.dispatch({ type: "cleared" });
  ask(tools, request, target);
}

function openPanel({ store, page }: Tools, panel: Panel): void {
  set(store, { panel });
  if (panel === "site") page.focusPanel();
}

/** "L23.H3 + L20.H0" as typed: the kernel says what is wrong with it. */
function typed(tools: Tools, text: string): void {
  const sites = text.split(/[+,\s]+/).filter((site) => site !== "");
  set(tools.store, { panel: "none" });
  patchSites(tools, sites);
  const cell = hostCell(sites[0] ?? "");
  if (cell !== undefined) set(tools.store, { focus: cellName(cell) });
  tools.page.focusGrid();
}

async function copy({ store, page }: Tools, text: string): Promise<void> {
  const done = await page.copy(text);
  set(store, { notice: done ? "Copied." : "This page may not copy; the text is selected." });
}

function replay(tools: Tools, number: number): void {
  const state = tools.store.state();
  const entry = state.entries.find((e) => e.number === number);
  if (entry === undefined) return;
  ask(tools, { patches: entry.result.patches, direction: entry.result.direction });
}

/** Shows a layer that the window of layers does not reach. */
export function follow({ store, page }: Tools, site: string): void {
  const layout = page.layout();
  const cell = hostCell(site);
  if (layout === undefined || cell === undefined) return;
  const first = following(layout, cell.layer);
  if (first !== layout.first) set(store, { firstLayer: first });
}

export function createActions(tools: Tools): Actions {
  const { store } = tools;
  return {
    patch: (site, extend) => patchOne(tools, site, extend),
    patchExactly: (site, extend) => patchExactly(tools, site, extend),
    hover: (hover) => hover !== store.state().hover && set(store, { hover }),
    focus: (focus) => focus !== store.state().focus && set(store, { focus }),
    direction: (direction) => direction !== store.state().direction && ask(tools, { direction }),
    metric: (metric) => ask(tools, { metric }),
    position: (position) => movePosition(tools, position),
    stepPosition: (step) => stepPosition(tools, step),
    undo: () => travel(tools, -1),
    redo: () => travel(tools, 1),
    cancel: () => cancelPatch(tools),
    replay: (number) => replay(tools, number),
    pin: () => store.dispatch({ type: "pinned" }),
    clear: () => clear(tools),
    panel: (panel) => openPanel(tools, panel),
    tab: (tab) => set(store, { tab }),
    mapped: (component) => set(store, { mapped: component, mapFocus: {} }),
    mapFocus: (name, site) => set(store, { mapFocus: { ...store.state().mapFocus, [name]: site } }),
    stopSweep: () => stopSweep(tools),
    continueSweep: () => askSweep(tools),
    typed: (text) => typed(tools, text),
    unfold: () => set(store, { unfolded: !store.state().unfolded }),
    window: (first) => set(store, { firstLayer: Math.max(0, first) }),
    copy: (text) => void copy(tools, text),
    dismiss: () => set(store, { problem: undefined, notice: undefined }),
  };
}
