/** Making a path: first the sender, then what receives it, and on from there. */

import { cellName, nearestCell } from "../model/cell";
import { refusalReason, type Scene } from "../model/experiment";
import { comesAfter, printPath, receiversAt, sends } from "../model/path";
import { parseSite } from "../model/site";
import type { Draft } from "../state/state";
import { receiverName, receivesNothing, refusedStep, sendsNothing } from "../text/paths";
import { PATHS_NEED_PYTHON } from "../text/saved";
import { refusalSentence } from "../text/status";
import { atSelectedPosition, clear } from "./patching";
import { askPatch, set, type Tools } from "./tools";

const NEW: Draft = { sender: undefined, receivers: [], choices: [] };

export interface PathActions {
  /** Path mode: the next boxes that are chosen are a sender and what receives from it. */
  pathMode(on: boolean): void;
  chooseReceiver(receiver: string): void;
}

/** Path mode, or back to patching. */
function setPathMode({ store }: Tools, on: boolean): void {
  if (on && store.state().saved) set(store, { notice: PATHS_NEED_PYTHON });
  else set(store, { draft: on ? NEW : undefined, notice: undefined });
}

function say({ store }: Tools, notice: string | undefined): void {
  set(store, { notice });
}

/** The last component of a draft: what sends to the next receiver. */
function lastOf(draft: Draft): string | undefined {
  return draft.receivers.at(-1) ?? draft.sender;
}

/** Takes a cell into the path that is being made; with `extend` a path that is whole goes on. */
export function choosePart(tools: Tools, site: string, extend: boolean): void {
  const { draft = NEW, scene } = tools.store.state();
  if (scene === undefined) return;
  const cell = nearestCell(site);
  if (cell !== undefined) set(tools.store, { focus: cellName(cell) });
  const whole = draft.receivers.length > 0 && draft.choices.length === 0;
  if (draft.sender === undefined || (whole && !extend)) chooseSender(tools, scene, site);
  else chooseReceiverAt(tools, draft, scene, site);
}

/** Why a cell cannot send; undefined if it can. */
function sendingProblem(scene: Scene, site: string): string | undefined {
  const refused = refusalReason(scene, parseSite(site)?.component ?? "");
  if (refused !== undefined) return refusalSentence(site, refused);
  return sends(site) ? undefined : sendsNothing(site);
}

function chooseSender(tools: Tools, scene: Scene, site: string): void {
  const problem = sendingProblem(scene, site);
  const sender = atSelectedPosition(tools.store.state(), site);
  if (problem !== undefined) say(tools, problem);
  else set(tools.store, { draft: { ...NEW, sender }, notice: undefined });
}

function chooseReceiverAt(tools: Tools, draft: Draft, scene: Scene, site: string): void {
  const choices = receiversAt(site, scene.model);
  const [first, ...others] = choices;
  const before = lastOf(draft) ?? "";
  if (first === undefined) say(tools, receivesNothing(site));
  else if (!comesAfter(before, first, scene.model.parallel))
    say(tools, refusedStep(before, first, scene.model.parallel));
  else if (others.length === 0) chooseReceiver(tools, first);
  else set(tools.store, { draft: { ...draft, choices }, notice: undefined });
}

/** Ends the path, for now, at a receiver, and asks what it carries. */
export function chooseReceiver(tools: Tools, receiver: string): void {
  const { draft, scene } = tools.store.state();
  const before = draft && lastOf(draft);
  if (draft?.sender === undefined || before === undefined) return;
  const parallel = scene?.model.parallel === true;
  if (!comesAfter(before, receiver, parallel)) {
    say(tools, refusedStep(before, receiver, parallel));
    return;
  }
  const receivers = [...draft.receivers, receiver];
  set(tools.store, { draft: { sender: draft.sender, receivers, choices: [] } });
  const site = printPath({ sender: draft.sender, receivers });
  askPatch(tools, { patches: [{ site, source: "source" }] });
}

/** Chooses by a key: q, k or v of the head that was chosen, or the logits. False if there is no such choice. */
export function chooseByKey(tools: Tools, part: string): boolean {
  const { draft } = tools.store.state();
  if (draft?.sender === undefined) return false;
  const chosen =
    part === "logits" ? part : draft.choices.find((each) => receiverName(each) === part);
  if (chosen === undefined) return false;
  chooseReceiver(tools, chosen);
  return true;
}

/** Steps back: from the choice of q, k or v, from the last receiver, from the sender, from path mode. */
export function stepBack(tools: Tools): boolean {
  const { draft } = tools.store.state();
  if (draft === undefined) return false;
  if (draft.choices.length > 0) set(tools.store, { draft: { ...draft, choices: [] } });
  else if (draft.receivers.length > 0) dropReceiver(tools, draft);
  else setPathMode(tools, draft.sender !== undefined);
  return true;
}

/** Without its last receiver a path of several steps is still one; a sender alone patches nothing. */
function dropReceiver(tools: Tools, draft: Draft): void {
  const receivers = draft.receivers.slice(0, -1);
  set(tools.store, { draft: { ...draft, receivers } });
  if (draft.sender === undefined || receivers.length === 0) {
    clear(tools);
    return;
  }
  const site = printPath({ sender: draft.sender, receivers });
  askPatch(tools, { patches: [{ site, source: "source" }] });
}

export function pathActions(tools: Tools): PathActions {
  return {
    pathMode: (on) => setPathMode(tools, on),
    chooseReceiver: (receiver) => chooseReceiver(tools, receiver),
  };
}
