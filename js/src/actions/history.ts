/** Undo, redo, and asking again for a past result. */

import { askPatch, type Tools } from "./tools";

export function moveInTimeline(tools: Tools, step: -1 | 1): void {
  const { timeline, cursor, pending } = tools.store.state();
  const target = (pending?.cursor ?? cursor) + step;
  const request = timeline[target];
  if (request === undefined) return;
  if (request.patches.length === 0) tools.store.dispatch({ type: "cleared" });
  askPatch(tools, request, target);
}

export function replay(tools: Tools, number: number): void {
  const state = tools.store.state();
  const entry = state.entries.find((e) => e.number === number);
  if (entry === undefined) return;
  askPatch(tools, { patches: entry.result.patches, direction: entry.result.direction });
}
