/** Undo, redo, and asking again for a past result. */

import type { PastResult } from "../model/result";
import { choiceOf, isMade, type Source } from "../model/source";
import { askPatch, type Tools } from "./tools";

export function moveInTimeline(tools: Tools, step: -1 | 1): void {
  const { timeline, cursor, pending } = tools.store.state();
  const target = (pending?.cursor ?? cursor) + step;
  const request = timeline[target];
  if (request === undefined) return;
  if (request.patches.length === 0) tools.store.dispatch({ type: "cleared" });
  askPatch(tools, request, target);
}

/** What was chosen when these were patched. */
function chosenFor({ patches, source }: PastResult): Source {
  const own = patches[0]?.source ?? "source";
  return source ?? (isMade(own) ? choiceOf(own) : "source");
}

export function replay(tools: Tools, number: number): void {
  const state = tools.store.state();
  const entry = state.entries.find((e) => e.number === number);
  if (entry === undefined) return;
  const { patches, direction, edits } = entry.result;
  askPatch(tools, { patches, direction, edits, source: chosenFor(entry.result) });
}
