/** Pins: the patches that what is shown is compared with, and whether they can be. */

import type { MetricInfo, Scene } from "../model/experiment";
import { type Marked, MOST_PINS, type SavedPin } from "../model/mark";
import { readingOf } from "../model/pairs";
import { sameRun } from "../model/patch";
import type { PastResult, Reading } from "../model/result";
import type { Mismatch } from "../text/compare";
import { tokensOf, withFewPins } from "./history";
import { currentFinding, currentMetric, ofShownPrompts, shownDirection } from "./selectors";
import type { HistoryEntry, State } from "./state";

export interface Pin {
  readonly entry: HistoryEntry;
  readonly metric: MetricInfo;
  /** Of its own pair, where the shown one is not known; undefined without this metric. */
  readonly reading: Reading | undefined;
  readonly mismatches: readonly Mismatch[];
  /** It is the very patch that is shown. */
  readonly shown: boolean;
  /** What is shown, in the same metric and pair; undefined while nothing is patched. */
  readonly now: Reading | undefined;
}

export type PinEvent =
  | { readonly type: "marked"; readonly marked: Marked }
  | { readonly type: "saved-pins"; readonly pins: readonly SavedPin[] };

export function reducePins(state: State, event: PinEvent): State {
  return event.type === "marked"
    ? withMarked(state, event.marked)
    : withSavedPins(state, event.pins);
}

/** The marks of one patch; of more than two pins the earliest goes, as in the kernel. */
function withMarked(state: State, marked: Marked): State {
  const { note, pinned } = marked;
  const { result } = state;
  const others = state.entries.filter((e) => e.pinned && !sameRun(e.result, marked));
  const surplus = pinned ? others.slice(0, Math.max(0, others.length + 1 - MOST_PINS)) : [];
  const entries = state.entries.map((entry) => {
    if (surplus.includes(entry)) return { ...entry, pinned: false, tokens: undefined };
    if (!sameRun(entry.result, marked)) return entry;
    const shown = result !== undefined && sameRun(result, marked) ? tokensOf(result) : undefined;
    return { ...entry, note, pinned, tokens: pinned ? (shown ?? entry.tokens) : undefined };
  });
  return { ...state, entries };
}

/** The pins of a saved picture. */
function withSavedPins(state: State, pins: readonly SavedPin[]): State {
  const entries = pins.map(({ result, note, tokens }, i): HistoryEntry => {
    return { number: i + 1, result, singles: [], note, pinned: true, tokens };
  });
  return { ...state, entries: withFewPins(entries) };
}

function mismatchesOf(state: State, scene: Scene, result: PastResult, metric: string) {
  const found: Mismatch[] = [];
  if (result.direction !== shownDirection(state)) found.push("direction");
  if (!ofShownPrompts(state, result)) found.push("prompts");
  if (result.readings[metric] === undefined) found.push("metric");
  else if (readingOf(result, metric, scene.pair) === undefined) found.push("pair");
  return found;
}

export function pinsOf(state: State, scene: Scene): readonly Pin[] {
  const metric = currentMetric(state, scene);
  const now = currentFinding(state, scene)?.reading;
  return state.entries
    .filter(({ pinned }) => pinned)
    .map((entry) => {
      const { result } = entry;
      const mismatches = mismatchesOf(state, scene, result, metric.name);
      const reading = readingOf(result, metric.name, scene.pair) ?? result.readings[metric.name];
      const shown = state.result !== undefined && sameRun(state.result, result);
      return { entry, metric, reading, mismatches, shown, now };
    });
}

/** Pins whose tokens are of the prompts, the pair and the direction that are shown, and not what is shown itself. */
export function comparedTokens(state: State, scene: Scene): readonly HistoryEntry[] {
  return pinsOf(state, scene)
    .filter(({ mismatches, shown }) => !shown && mismatches.every((each) => each === "metric"))
    .map(({ entry }) => entry)
    .filter(({ tokens }) => tokens?.pair === scene.pair);
}
