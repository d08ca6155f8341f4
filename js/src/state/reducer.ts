/** Every change of the state, as a pure function. */

import { cellName, nearestCell } from "../model/cell";
import { sameEdits, type Tokenised } from "../model/edit";
import type { Scene } from "../model/experiment";
import type { TextFile } from "../model/file";
import type { NeuronList } from "../model/neurons";
import { isCut, type Patch, patchWith, samePatches, sameRun } from "../model/patch";
import { parsePath } from "../model/path";
import { type Position, sharedPosition } from "../model/position";
import type { PastResult, Result, Single } from "../model/result";
import { withoutPosition } from "../model/site";
import { type Connection, type Failure, isLost } from "../model/status";
import { draftWithAnswer, draftWithoutAnswer } from "./draft";
import { editingAfter, withEditProblem, withTokens } from "./edited";
import { type FactEvent, reduceFacts } from "./facts";
import { followFocus } from "./head-panel";
import { withEntry, withHistory, withSingles, withTimelineStep } from "./history";
import { type PinEvent, reducePins } from "./pins";
import type { Code, Neurons, Pending, Settable, State } from "./state";
import { reduceSweep, type SweepEvent } from "./sweep";

/** What the kernel's traits say. */
type TraitValues = Partial<Pick<State, "position" | "direction" | "metric" | "field" | "source">>;

export type StateEvent =
  | { readonly type: "scene"; readonly scene: Scene }
  | { readonly type: "asked"; readonly pending: Pending }
  | { readonly type: "result"; readonly result: Result }
  | { readonly type: "history"; readonly results: readonly PastResult[] }
  | { readonly type: "singles"; readonly id: number; readonly singles: readonly Single[] }
  | { readonly type: "sweep"; readonly event: SweepEvent }
  | { readonly type: "fact"; readonly event: FactEvent }
  | { readonly type: "neurons-asked"; readonly neurons: Neurons }
  | { readonly type: "neurons"; readonly id: number; readonly list: NeuronList }
  | { readonly type: "neurons-failed"; readonly id: number; readonly failure: Failure }
  | { readonly type: "tokens"; readonly id: number; readonly tokens: Tokenised | undefined }
  | { readonly type: "code-asked"; readonly code: Code }
  | { readonly type: "code"; readonly id: number; readonly code: string }
  | { readonly type: "dropped" }
  | { readonly type: "failed"; readonly failure: Failure; readonly ended: boolean }
  | { readonly type: "cleared" }
  | { readonly type: "connection"; readonly connection: Connection }
  | { readonly type: "traits"; readonly values: TraitValues }
  | { readonly type: "selected"; readonly sites: readonly string[] }
  | PinEvent
  | { readonly type: "written"; readonly id: number; readonly file: TextFile }
  | { readonly type: "unwritten"; readonly id: number; readonly failure: Failure }
  | { readonly type: "set"; readonly values: Partial<Settable> };

/**
 * What is patched at one position says where the next click patches: one scope for lanes, maps and toolbar. A cut edge has
 * a query of its own, and says nothing about it.
 */
function positionAfter({ scene, position }: State, patches: readonly Patch[]): Position {
  if (patches.some(isCut)) return position;
  const sites = patches.map(({ site }) => site);
  return sharedPosition(sites, scene?.task.clean.length ?? 0) ?? position;
}

function withPending(state: State, pending: Pending): State {
  const { direction, metric, patches, source = "source" } = pending.request;
  const said = { problem: undefined, notice: undefined };
  const position = positionAfter(state, patches);
  return { ...state, pending, fresh: false, direction, metric, source, position, ...said };
}

/** The scene with the words and the runs of the pair that a result is about. */
function sceneOf(scene: Scene | undefined, result: Result): Scene | undefined {
  const { pair, edits, task, runs } = result;
  if (scene === undefined || task === undefined || runs === undefined) return scene;
  if (pair === scene.pair && sameEdits(edits, scene.edits)) return scene;
  return { ...scene, pair, edits, task, runs, metrics: result.metrics ?? scene.metrics };
}

/** What is known of other prompts is not of these. */
function withOtherPrompts(state: State, scene: Scene | undefined): Partial<State> {
  if (scene === undefined || sameEdits(scene.edits, state.scene?.edits ?? [])) return {};
  const length = scene.task.clean.length;
  const gone = typeof state.position === "number" && state.position >= length;
  return {
    sweep: reduceSweep(state.sweep, { type: "new-scene" }),
    facts: reduceFacts(state.facts, { type: "new-scene" }),
    neurons: undefined,
    code: undefined,
    mapFocus: {},
    ...(gone ? { position: "all" as const } : {}),
  };
}

function pairAfter(state: State, scene: Scene | undefined): number | undefined {
  return typeof scene?.pair === "number" ? scene.pair : state.lastPair;
}

function withResult(state: State, result: Result): State {
  const scene = sceneOf(state.scene, result);
  const empty = result.patches.length === 0;
  const repeated = state.result !== undefined && sameRun(state.result, result);
  return {
    ...state,
    ...withTimelineStep(state, result),
    scene,
    lastPair: pairAfter(state, scene),
    result: empty ? undefined : result,
    entries: empty ? state.entries : withEntry(state.entries, result),
    direction: result.direction,
    metric: result.metric,
    source: result.source ?? "source",
    position: state.pending === undefined ? positionAfter(state, result.patches) : state.position,
    resultCount: state.resultCount + (repeated ? 0 : 1),
    fresh: !repeated,
    draft: draftWithAnswer(state, result),
    pending: undefined,
    problem: undefined,
    notice: undefined,
    focus: focusAfter(state, result),
    editing: editingAfter(state, result),
    ...withOtherPrompts(state, scene),
    headPanel: followFocus(state.headPanel, state.headPanel.head ?? result.patches.at(-1)?.site),
  };
}

function focusAfter(state: State, result: Result): string | undefined {
  const last = result.patches.at(-1);
  if (last === undefined || state.focus !== undefined) return state.focus;
  const receiver = parsePath(last.site) && nearestCell(last.site);
  return receiver === undefined ? withoutPosition(last.site) : cellName(receiver);
}

/** Python changed the selection: it is pending until its result arrives. */
function withSelection(state: State, sites: readonly string[]): State {
  const patches = sites.map((site) => patchWith(state.source, site));
  const plain = (all: readonly Patch[]) => all.map(withDefaultSource);
  const same = samePatches(plain(state.result?.patches ?? []), plain(patches));
  if (state.pending !== undefined || same) return state;
  if (sites.length === 0) return { ...state, result: undefined };
  const { direction, metric, source } = state;
  const { pair = "mean", edits = [] } = state.scene ?? {};
  const request = { patches, direction, metric, pair, edits, source };
  return { ...state, pending: { id: undefined, request, cursor: undefined } };
}

function withDefaultSource(patch: Patch): Patch {
  return { site: patch.site, source: "source" };
}

/** Python changed a trait. A new direction or metric is ignored while a patch of the page is pending. */
function withTraits(state: State, values: TraitValues): State {
  if (state.pending === undefined) return { ...state, ...values };
  const { position = state.position, field = state.field } = values;
  return { ...state, position, field };
}

/** Without Python nothing is pending any more. */
function withConnection(state: State, connection: Connection): State {
  if (!isLost(connection)) return { ...state, connection };
  const sweep = reduceSweep(state.sweep, { type: "stopped" });
  const facts = reduceFacts(state.facts, { type: "lost" });
  return { ...withoutPending(state), connection, sweep, facts, writing: undefined };
}

function withFailure(state: State, failure: Failure, ended: boolean): State {
  const { message, details } = failure;
  if (!ended) {
    const sweep = reduceSweep(state.sweep, { type: "freed" });
    return { ...state, sweep, problem: { site: undefined, message, details } };
  }
  const edited = withEditProblem(state, message);
  if (edited !== undefined) return edited;
  const sites = state.pending?.request.patches.map((p) => p.site) ?? [];
  const site = sites.length === 0 ? undefined : sites.join(" + ");
  return { ...withoutPending(state), problem: { site, message, details } };
}

/** Back to what is shown, after a request was cancelled or failed. */
function withoutPending(state: State): State {
  const { result } = state;
  const shown = result && {
    direction: result.direction,
    metric: result.metric,
    source: result.source ?? "source",
  };
  return { ...state, ...shown, draft: draftWithoutAnswer(state), pending: undefined };
}

/** Lines that nobody waits for any more are dropped. */
function withCode(state: State, event: StateEvent & { type: "code-asked" | "code" }): State {
  if (event.type === "code-asked") return { ...state, code: event.code };
  const { code } = state;
  return code?.id === event.id ? { ...state, code: { ...code, lines: event.code } } : state;
}

/** Neurons that nobody waits for any more are dropped. */
function withNeurons(
  state: State,
  event: StateEvent & { readonly type: "neurons-asked" | "neurons" | "neurons-failed" },
): State {
  if (event.type === "neurons-asked") return { ...state, neurons: event.neurons };
  if (state.neurons?.id !== event.id) return state;
  const news = event.type === "neurons" ? { list: event.list } : { reason: event.failure.message };
  return { ...state, neurons: { ...state.neurons, ...news } };
}

function withScene(state: State, scene: Scene): State {
  const { direction, metric } = scene;
  const same = JSON.stringify(scene) === JSON.stringify(state.scene);
  const sweep = reduceSweep(state.sweep, { type: same ? "same-scene" : "new-scene" });
  const facts = reduceFacts(state.facts, { type: same ? "lost" : "new-scene" });
  return {
    ...state,
    scene,
    lastPair: pairAfter(state, scene),
    sweep,
    facts,
    code: undefined,
    neurons: same ? state.neurons : undefined,
    ...(state.result === undefined ? { direction, metric } : {}),
  };
}

/** The panel of a head follows the focus, in the lanes and in the map of heads. */
function withSet(state: State, values: Partial<Settable>): State {
  const panel = followFocus(state.headPanel, values.focus ?? values.mapFocus?.heads);
  return { ...state, headPanel: panel, ...values };
}

/** The file that Python was asked for; of an older question, nothing. */
function withFile(state: State, event: StateEvent & { type: "written" | "unwritten" }): State {
  const { writing } = state;
  if (writing?.id !== event.id) return state;
  if (event.type === "written") return { ...state, writing: { ...writing, file: event.file } };
  const { message, details } = event.failure;
  const problem = { site: undefined, message: `The file was not written: ${message}`, details };
  return { ...state, writing: undefined, problem };
}

export function reduce(state: State, event: StateEvent): State {
  if (event.type === "written" || event.type === "unwritten") return withFile(state, event);
  if (event.type === "marked" || event.type === "saved-pins") return reducePins(state, event);
  switch (event.type) {
    case "scene":
      return withScene(state, event.scene);
    case "asked":
      return withPending(state, event.pending);
    case "result":
      return withResult(state, event.result);
    case "history":
      return withHistory(state, event.results);
    case "singles":
      return withSingles(state, event.id, event.singles);
    case "sweep":
      return { ...state, sweep: reduceSweep(state.sweep, event.event) };
    case "fact":
      return { ...state, facts: reduceFacts(state.facts, event.event) };
    case "neurons-asked":
    case "neurons":
    case "neurons-failed":
      return withNeurons(state, event);
    case "tokens":
      return withTokens(state, event.id, event.tokens);
    case "code-asked":
    case "code":
      return withCode(state, event);
    case "dropped":
      return withoutPending(state);
    case "failed":
      return withFailure(state, event.failure, event.ended);
    case "cleared":
      return { ...state, result: undefined, problem: undefined, notice: undefined };
    case "connection":
      return withConnection(state, event.connection);
    case "traits":
      return withTraits(state, event.values);
    case "selected":
      return withSelection(state, event.sites);
    case "set":
      return withSet(state, event.values);
  }
}
