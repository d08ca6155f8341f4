/** Past results, and the timeline in which undo and redo move. */

import { MOST_PINS, type PinnedTokens } from "../model/mark";
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

/** The tokens of a result, for a pin. */
export function tokensOf({ pair, tokens }: Pick<Result, "pair" | "tokens">): PinnedTokens {
  return { pair, rows: tokens };
}

/** Of more than two pins the last ones in the history stay, whatever a message says. */
export function withFewPins(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const surplus = entries.filter(({ pinned }) => pinned).slice(0, -MOST_PINS);
  if (surplus.length === 0) return entries;
  return entries.map((e) => (surplus.includes(e) ? { ...e, pinned: false, tokens: undefined } : e));
}

const UNMARKED = { singles: [], note: "", pinned: false, tokens: undefined } as const;

export function withEntry(
  entries: readonly HistoryEntry[],
  answer: Result,
): readonly HistoryEntry[] {
  const result = numbersOf(answer);
  const known = entries.findIndex((entry) => sameRun(entry.result, result));
  if (known >= 0) {
    const renewed = (entry: HistoryEntry): HistoryEntry => {
      const singles = entry.result.pair === result.pair ? entry.singles : [];
      const tokens = entry.pinned ? tokensOf(answer) : undefined;
      return { ...entry, result, singles, tokens };
    };
    return entries.map((entry, i) => (i === known ? renewed(entry) : entry));
  }
  const next = (entries.at(-1)?.number ?? 0) + 1;
  const added = [...entries, { ...UNMARKED, number: next, result }];
  const surplus = added.length - ENTRIES_KEPT;
  return surplus <= 0 ? added : added.filter((entry, i) => entry.pinned || i >= surplus);
}

/** The patches that the kernel has answered so far. What it does not tell stays as it is known. */
export function withHistory(state: State, results: readonly PastResult[]): State {
  const entries = results.map((answer, i): HistoryEntry => {
    const entry = state.entries.find((e) => sameRun(e.result, answer));
    const kept = entry ?? UNMARKED;
    const { note = kept.note, pinned = kept.pinned } = answer;
    const id = entry?.result.id ?? answer.id;
    const over_pairs = answer.over_pairs ?? entry?.result.over_pairs;
    const result = { ...numbersOf(answer), id, over_pairs };
    return { ...kept, number: i + 1, result, note, pinned };
  });
  return { ...state, entries: withFewPins(entries) };
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
