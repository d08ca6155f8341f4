/** Pins and notes: kept in the kernel where there is one, so that every view and a reload have them. */

import { LONGEST_NOTE, type Mark } from "../model/mark";
import { requestOf } from "../model/patch";
import { isLost } from "../model/status";
import { shownEntry } from "../state/history";
import type { HistoryEntry } from "../state/state";
import { set, type Tools } from "./tools";

export interface MarkActions {
  /** Pins what is shown, or takes its pin away. */
  pin(): void;
  unpin(number: number): void;
  /** Opens the field of a note, or closes it without keeping what was written. */
  writeNote(number: number | undefined): void;
  note(number: number, text: string): void;
}

function mark({ store, kernel }: Tools, entry: HistoryEntry, change: Mark): void {
  const { patches, direction, edits } = entry.result;
  const { note, pinned } = entry;
  store.dispatch({
    type: "marked",
    marked: { patches, direction, edits, note, pinned, ...change },
  });
  const { scene, connection } = store.state();
  if (scene?.can_sweep && !isLost(connection)) kernel.mark(requestOf(entry.result), change);
}

function entryOf({ store }: Tools, number: number): HistoryEntry | undefined {
  return store.state().entries.find((entry) => entry.number === number);
}

function writeNote(tools: Tools, number: number | undefined): void {
  const { noting } = tools.store.state();
  set(tools.store, { noting: number });
  const at = number ?? noting;
  if (at !== undefined) tools.page.focusNote(at);
}

/** A field that has closed tells its change once more: it is not kept then. */
function keepNote(tools: Tools, number: number, text: string): void {
  const entry = entryOf(tools, number);
  if (tools.store.state().noting !== number || entry === undefined) return;
  const note = text.trim().slice(0, LONGEST_NOTE);
  writeNote(tools, undefined);
  if (note !== entry.note) mark(tools, entry, { note });
}

export function markActions(tools: Tools): MarkActions {
  return {
    pin: () => {
      const shown = shownEntry(tools.store.state());
      if (shown !== undefined) mark(tools, shown, { pinned: !shown.pinned });
    },
    unpin: (number) => {
      const entry = entryOf(tools, number);
      if (entry !== undefined) mark(tools, entry, { pinned: false });
    },
    writeNote: (number) => writeNote(tools, number),
    note: (number, text) => keepNote(tools, number, text),
  };
}
