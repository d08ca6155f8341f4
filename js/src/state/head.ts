/** The panel of a head: which head it shows, what it asks, and what is known for it. */

import { lacksCounterpart } from "../model/counterparts";
import { hostOf, type Scene, type ShownPair } from "../model/experiment";
import { type FactKind, type FactOf, type FactRequest, factKey } from "../model/facts";
import type { HeadFacts, SenderFacts } from "../model/head";
import type { LensFacts } from "../model/lens";
import { parseSite } from "../model/site";
import { isLost } from "../model/status";
import { type Facts, knownFact, lastFact } from "./facts";
import type { Edge } from "./head-panel";
import { selectedPosition, shownDirection } from "./selectors";
import type { State } from "./state";

/** Tracing more paths than this waits for a click. */
export const MOST_PATHS = 3000;

/** Where the page reads: at the selected position, otherwise at the last token. */
export function readPosition(state: State, scene: Scene): number {
  return selectedPosition(state, scene) ?? scene.task.clean.length - 1;
}

/** Whether Python is there to be asked; it is not for a saved page. */
export function canAsk({ scene, connection }: State): boolean {
  return scene?.can_sweep === true && !isLost(connection);
}

/** Whether the picture has a patched run to read. A path leaves the runs as they are up to its receiver. */
export function hasPatchedRun({ result }: State): boolean {
  return result !== undefined && !result.patches.some(({ site }) => site.includes("->"));
}

function shownPair({ scene }: State): ShownPair {
  return scene?.pair ?? "mean";
}

/** What the picture shows as patched. */
function shownPatches(state: State) {
  const patches = hasPatchedRun(state) ? (state.result?.patches ?? []) : [];
  return {
    patches,
    direction: shownDirection(state),
    metric: state.metric,
    pair: shownPair(state),
  };
}

/** What the panel shows, whether or not it can be asked now. */
export function headRequest(
  state: State,
  scene: Scene,
): (FactRequest & { kind: "head" }) | undefined {
  const { head, whole } = state.headPanel;
  if (head === undefined) return undefined;
  const position = readPosition(state, scene);
  return { kind: "head", head, position, whole, ...shownPatches(state) };
}

export function sendersRequest(state: State): (FactRequest & { kind: "senders" }) | undefined {
  const { head } = state.headPanel;
  if (head === undefined) return undefined;
  const { metric } = state;
  return {
    kind: "senders",
    head,
    direction: shownDirection(state),
    metric,
    pair: shownPair(state),
  };
}

/** How many paths lead into a head: from the embedding, and from the heads and the MLP of each layer before. */
export function nPaths(head: string, scene: Scene): number {
  const layer = parseSite(head)?.layer ?? 0;
  return 3 * (1 + layer * (scene.model.n_heads + 1));
}

/** Whether the paths into a head are so many that a person has to ask for them. */
export function waitsForClick(state: State, scene: Scene): boolean {
  const { head, traced } = state.headPanel;
  return head !== undefined && head !== traced && nPaths(head, scene) > MOST_PATHS;
}

/** The questions that the open panel has. */
export function panelQuestions(state: State): readonly FactRequest[] {
  const { scene, tab } = state;
  if (scene === undefined || tab !== "head" || state.pending || !canAsk(state)) return [];
  const senders = waitsForClick(state, scene) ? undefined : sendersRequest(state);
  return [headRequest(state, scene), senders].filter((asked) => asked !== undefined);
}

export function lensRequest(
  state: State,
  scene: Scene,
): (FactRequest & { kind: "lens" }) | undefined {
  const { lens: method } = state;
  if (method === undefined) return undefined;
  return { kind: "lens", method, position: readPosition(state, scene), ...shownPatches(state) };
}

export function lensQuestions(state: State): readonly FactRequest[] {
  const asked =
    state.scene === undefined || state.pending || !canAsk(state)
      ? undefined
      : lensRequest(state, state.scene);
  return asked === undefined ? [] : [asked];
}

export interface Known<T> {
  readonly fact: T | undefined;
  /** The answer to an earlier question, which stays until this one is answered. */
  readonly stale: boolean;
  /** Why it is not there: it is on its way, or what went wrong. */
  readonly phase: "asked" | "answered" | "dropped" | "failed" | "none";
  readonly message: string;
}

export const NOTHING = { fact: undefined, stale: false, phase: "none", message: "" } as const;

/** What is known of a question: its answer, or before it comes one that is alike. */
export function known<K extends FactKind>(
  facts: Facts,
  kind: K,
  request: FactRequest,
  alike: (fact: FactOf<K>) => boolean,
): Known<FactOf<K>> {
  const key = factKey(request);
  const question = facts.questions[kind];
  const same = question?.key === key;
  const exact = knownFact(facts, kind, key);
  if (exact !== undefined) return { fact: exact, stale: false, phase: "answered", message: "" };
  const fact = lastFact(facts, kind, alike);
  const phase = same ? question.phase : "none";
  return { fact, stale: fact !== undefined, phase, message: same ? question.message : "" };
}

/** What is known for the panel; while another row or patch is on its way, the same head's answer before it. */
export function knownHead(state: State, scene: Scene): Known<HeadFacts> {
  const request = headRequest(state, scene);
  if (request === undefined) return NOTHING;
  return known(state.facts, "head", request, ({ head }) => head === request.head);
}

export function knownSenders(state: State): Known<SenderFacts> {
  const request = sendersRequest(state);
  return request === undefined ? NOTHING : known(state.facts, "senders", request, () => false);
}

export function knownLens(state: State, scene: Scene): Known<LensFacts> {
  const request = lensRequest(state, scene);
  return request === undefined ? NOTHING : known(state.facts, "lens", request, () => true);
}

/** Whether an edge can be cut: both of its ends are in the host's prompt. */
export function canCut(state: State, scene: Scene, { query, key }: Edge): boolean {
  if (hostOf(state.direction) === "clean") return true;
  return !lacksCounterpart(scene.task, query) && !lacksCounterpart(scene.task, key);
}
