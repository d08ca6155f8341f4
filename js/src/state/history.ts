/** Past results, and the timeline in which undo and redo move. */

import { requestOf, sameRequest, sameRun } from "../model/patch";
import type { PastResult, Result, Single } from "../model/result";
import type { HistoryEntry, State } from "./state";

/** As many as the kernel sends to a new view. */
const ENTRIES_KEPT = 200;

export function shownEntry(state: State): HistoryEntry | undefined {
  const result = state.result;
  return result && state.entries.find((entry) => sameRun(entry.result, result));
}

/** Without what only the picture of the shown result needs. */
function numbersOf(of: PastResult): PastResult {
  const { id, patches, direction, metric, pair, edits, readings, over_pairs } = of;
  return { id, patches, direction, metric, pair, edits, readings, over_pairs };
}

export function withEntry(
  entries: readonly HistoryEntry[],
  answer: PastResult,
): readonly HistoryEntry[] {
  const result = numbersOf(answer);
  const known = entries.findIndex((entry) => sameRun(entry.result, result));
  if (known >= 0) {
    const renewed = (entry: HistoryEntry): HistoryEntry => {
      const singles = entry.result.pair === result.pair ? entry.singles : [];
      return { ...entry, result, singles };
    };
    return entries.map((entry, i) => (i === known ? renewed(entry) : entry));
  }
  const next = (entries.at(-1)?.number ?? 0) + 1;
  const added = [...entries, { number: next, result, singles: [], pinned: false }];
  const surplus = added.length - ENTRIES_KEPT;
  return surplus <= 0 ? added : added.filter((entry, i) => entry.pinned || i >= surplus);
}

/** The patches that the kernel has answered so far; pins and singles of what is known stay. */
export function withHistory(state: State, results: readonly PastResult[]): State {
  const known = (result: PastResult) => state.entries.find((e) => sameRun(e.result, result));
  const entries = results.map((result, i): HistoryEntry => {
    const entry = known(result);
    const id = entry?.result.id ?? result.id;
    const kept = entry ?? { singles: [], pinned: false };
    return { ...kept, number: i + 1, result: { ...result, id } };
  });
  return { ...state, entries };
}

/** The timeline after a result: undo and redo move in it, anything new cuts off what lay ahead. */
export function withTimelineStep(state: State, result: Result): Pick<State, "timeline" | "cursor"> {
  const { timeline, cursor, pending } = state;
  if (pending?.cursor !== undefined) return { timeline, cursor: pending.cursor };
  const request = requestOf(result);
  const current = timeline[cursor];
  if (current !== undefined && sameRequest(current, request)) return { timeline, cursor };
  // Looking at another pair is no step: nothing was done that could be undone.
  if (current !== undefined && sameRequest({ ...current, pair: request.pair }, request)) {
    return { timeline: timeline.map((each, i) => (i === cursor ? request : each)), cursor };
  }
  const base = timeline.slice(0, cursor + 1);
  const start = base.length === 0 ? [{ ...request, patches: [] }] : base;
  const next = result.patches.length === 0 && base.length === 0 ? start : [...start, request];
  return { timeline: next, cursor: next.length - 1 };
}

export function withSingles(state: State, id: number, singles: readonly Single[]): State {
  const entries = state.entries.map((e) => (e.result.id === id ? { ...e, singles } : e));
  return { ...state, entries };
}

export function withPin(state: State): State {
  const shown = shownEntry(state);
  if (shown === undefined) return state;
  const entries = state.entries.map((e) => (e === shown ? { ...e, pinned: !e.pinned } : e));
  return { ...state, entries };
}
