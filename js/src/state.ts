/** What the view knows, and a pure reducer over it. No comm, no DOM. */

import type {
  Direction,
  Failure,
  Patch,
  PatchRequest,
  Position,
  Result,
  Scene,
  Single,
} from "./protocol";
import { baseOf, samePatches } from "./pure/sites";
import { NO_SWEEP, reduceSweep, type Sweep, type SweepEvent } from "./sweep";

export type Connection = "live" | "busy" | "gone" | "restarted";
export type Panel = "none" | "keys" | "code" | "site" | "menu";
export type Tab = "heads" | "positions" | "reach" | "logits" | "history";

export interface Problem {
  readonly site: string | undefined;
  readonly message: string;
  readonly details: string;
}

/** A question on its way. `id` is undefined when Python asked it; `cursor` is its place in the timeline. */
export interface Pending {
  readonly id: number | undefined;
  readonly request: PatchRequest;
  readonly cursor: number | undefined;
}

export interface Entry {
  readonly number: number;
  readonly result: Result;
  readonly singles: readonly Single[];
  readonly pinned: boolean;
}

export interface State {
  readonly scene: Scene | undefined;
  readonly direction: Direction;
  readonly metric: string;
  readonly position: Position;
  readonly result: Result | undefined;
  readonly answered: number;
  /** The picture is new: its arrow and its wave are drawn with motion, until the next question. */
  readonly fresh: boolean;
  readonly pending: Pending | undefined;
  readonly entries: readonly Entry[];
  readonly timeline: readonly PatchRequest[];
  readonly cursor: number;
  readonly connection: Connection;
  readonly problem: Problem | undefined;
  readonly notice: string | undefined;
  readonly hover: string | undefined;
  readonly focus: string | undefined;
  readonly panel: Panel;
  /** The chart that was chosen; undefined leaves it to the layout. */
  readonly tab: Tab | undefined;
  readonly sweep: Sweep;
  /** The component of the map over positions. */
  readonly mapped: string;
  /** The cell of each map that Tab reaches, by the map's name. */
  readonly mapFocus: Readonly<Record<string, string>>;
  readonly unfolded: boolean;
  readonly firstLayer: number;
  readonly width: number;
  readonly theme: "light" | "dark";
}

export type Action =
  | { readonly type: "scene"; readonly scene: Scene }
  | { readonly type: "asked"; readonly pending: Pending }
  | { readonly type: "result"; readonly result: Result }
  | { readonly type: "singles"; readonly id: number; readonly singles: readonly Single[] }
  | { readonly type: "sweep"; readonly event: SweepEvent }
  | { readonly type: "dropped" }
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "cleared" }
  | { readonly type: "selected"; readonly sites: readonly string[] }
  | { readonly type: "pinned" }
  | { readonly type: "set"; readonly values: Partial<Settable> };

/** What may be set as it is, with no further consequence. */
export type Settable = Pick<
  State,
  | "direction"
  | "metric"
  | "position"
  | "connection"
  | "problem"
  | "notice"
  | "hover"
  | "focus"
  | "panel"
  | "tab"
  | "mapped"
  | "mapFocus"
  | "unfolded"
  | "firstLayer"
  | "width"
  | "theme"
>;

export const INITIAL: State = {
  scene: undefined,
  direction: "denoise",
  metric: "",
  position: "all",
  result: undefined,
  answered: 0,
  fresh: false,
  pending: undefined,
  entries: [],
  timeline: [],
  cursor: -1,
  connection: "live",
  problem: undefined,
  notice: undefined,
  hover: undefined,
  focus: undefined,
  panel: "none",
  tab: undefined,
  sweep: NO_SWEEP,
  mapped: "mlp_out",
  mapFocus: {},
  unfolded: false,
  firstLayer: 0,
  width: 0,
  theme: "light",
};

const KEPT = 60;

export function sameRequest(a: PatchRequest, b: PatchRequest): boolean {
  return a.direction === b.direction && a.metric === b.metric && samePatches(a.patches, b.patches);
}

function sameQuestion(a: PatchRequest, b: PatchRequest): boolean {
  return a.direction === b.direction && samePatches(a.patches, b.patches);
}

function requestOf({ patches, direction, metric }: PatchRequest): PatchRequest {
  return { patches, direction, metric };
}

/** One and the same, so that views see that nothing changed. */
const NONE: readonly Patch[] = [];

/** The patches the person sees as chosen: what is on its way, else what is shown. */
export function chosen(state: State): readonly Patch[] {
  return state.pending?.request.patches ?? state.result?.patches ?? NONE;
}

/** A question that will change the picture is on its way (another metric of the same run will not). */
export function underway(state: State): boolean {
  const { pending, result } = state;
  if (pending === undefined) return false;
  return result === undefined
    ? pending.request.patches.length > 0
    : !sameQuestion(pending.request, result);
}

/** The direction of what is shown, which is the chosen one except while an answer is on its way. */
export function shownDirection(state: State): Direction {
  return state.result?.direction ?? state.direction;
}

export function entryOf(state: State): Entry | undefined {
  const result = state.result;
  return result && state.entries.find((entry) => sameQuestion(entry.result, result));
}

function withEntry(entries: readonly Entry[], result: Result): readonly Entry[] {
  const known = entries.findIndex((entry) => sameQuestion(entry.result, result));
  if (known >= 0) return entries.map((entry, i) => (i === known ? { ...entry, result } : entry));
  const next = (entries.at(-1)?.number ?? 0) + 1;
  const added = [...entries, { number: next, result, singles: [], pinned: false }];
  const surplus = added.length - KEPT;
  return surplus <= 0 ? added : added.filter((entry, i) => entry.pinned || i >= surplus);
}

/** The timeline after an answer: undo and redo move in it, anything new cuts what lay ahead. */
function withStep(state: State, result: Result): Pick<State, "timeline" | "cursor"> {
  const { timeline, cursor, pending } = state;
  if (pending?.cursor !== undefined) return { timeline, cursor: pending.cursor };
  const request = requestOf(result);
  const current = timeline[cursor];
  if (current !== undefined && sameRequest(current, request)) return { timeline, cursor };
  const base = timeline.slice(0, cursor + 1);
  const start = base.length === 0 ? [{ ...request, patches: [] }] : base;
  const next = result.patches.length === 0 && base.length === 0 ? start : [...start, request];
  return { timeline: next, cursor: next.length - 1 };
}

function answered(state: State, result: Result): State {
  const empty = result.patches.length === 0;
  const repeated = state.result !== undefined && sameQuestion(state.result, result);
  return {
    ...state,
    ...withStep(state, result),
    result: empty ? undefined : result,
    entries: empty ? state.entries : withEntry(state.entries, result),
    direction: result.direction,
    metric: result.metric,
    answered: state.answered + (repeated ? 0 : 1),
    fresh: !repeated,
    pending: undefined,
    problem: undefined,
    notice: undefined,
    focus: focusAfter(state, result),
  };
}

function focusAfter(state: State, result: Result): string | undefined {
  const last = result.patches.at(-1);
  return state.focus ?? (last === undefined ? undefined : baseOf(last.site));
}

/** Python changed the selection: shown as on its way until its result arrives. */
function selected(state: State, sites: readonly string[]): State {
  const patches = sites.map((site): Patch => ({ site, source: "source" }));
  const same = (a: readonly Patch[]) => samePatches(a.map(plainly), patches);
  if (state.pending !== undefined || same(state.result?.patches ?? [])) return state;
  if (sites.length === 0) return { ...state, result: undefined };
  const request = { patches, direction: state.direction, metric: state.metric };
  return { ...state, pending: { id: undefined, request, cursor: undefined } };
}

function plainly(patch: Patch): Patch {
  return { site: patch.site, source: "source" };
}

function failed(state: State, failure: Failure): State {
  const sites = state.pending?.request.patches.map((p) => p.site) ?? [];
  const site = sites.length === 0 ? undefined : sites.join(" + ");
  const problem = { site, message: failure.message, details: failure.details };
  return { ...settled(state), problem };
}

/** Back to what is shown, when a question was cancelled or failed. */
function settled(state: State): State {
  const { result } = state;
  const shown = result && { direction: result.direction, metric: result.metric };
  return { ...state, ...shown, pending: undefined };
}

function withSingles(state: State, id: number, singles: readonly Single[]): State {
  const entries = state.entries.map((e) => (e.result.id === id ? { ...e, singles } : e));
  return { ...state, entries };
}

function withPin(state: State): State {
  const shown = entryOf(state);
  if (shown === undefined) return state;
  const entries = state.entries.map((e) => (e === shown ? { ...e, pinned: !e.pinned } : e));
  return { ...state, entries };
}

function withScene(state: State, scene: Scene): State {
  const { direction, metric } = scene;
  const same = JSON.stringify(scene) === JSON.stringify(state.scene);
  const sweep = reduceSweep(state.sweep, { type: same ? "again" : "reset" });
  return { ...state, scene, sweep, ...(state.result === undefined ? { direction, metric } : {}) };
}

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "scene":
      return withScene(state, action.scene);
    case "asked": {
      const { direction, metric } = action.pending.request;
      return {
        ...state,
        pending: action.pending,
        fresh: false,
        direction,
        metric,
        problem: undefined,
        notice: undefined,
      };
    }
    case "result":
      return answered(state, action.result);
    case "singles":
      return withSingles(state, action.id, action.singles);
    case "sweep":
      return { ...state, sweep: reduceSweep(state.sweep, action.event) };
    case "dropped":
      return settled(state);
    case "failed":
      return failed(state, action.failure);
    case "cleared":
      return { ...state, result: undefined, problem: undefined, notice: undefined };
    case "selected":
      return selected(state, action.sites);
    case "pinned":
      return withPin(state);
    case "set":
      return { ...state, ...action.values };
  }
}

export interface Store {
  readonly state: () => State;
  readonly dispatch: (action: Action) => void;
}

/** Holds the state and calls back after every change. */
export function createStore(changed: (state: State, before: State) => void): Store {
  let state = INITIAL;
  return {
    state: () => state,
    dispatch(action) {
      const before = state;
      state = reduce(state, action);
      if (state !== before) changed(state, before);
    },
  };
}
