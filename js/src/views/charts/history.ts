/** Chart: the patches so far, newest first; a click asks for one again. */

import { html, nothing } from "lit-html";
import { diverging } from "../../layout/oklab";
import { towardsClean } from "../../model/experiment";
import { LONGEST_NOTE } from "../../model/mark";
import { readingOf } from "../../model/pairs";
import { onlyAblates } from "../../model/patch";
import { printable } from "../../model/printable";
import type { PastResult } from "../../model/result";
import { shownEntry } from "../../state/history";
import type { HistoryEntry } from "../../state/state";
import { patchName } from "../../text/names";
import { percent } from "../../text/numbers";
import { madeSource, shortSource } from "../../text/source";
import type { Context } from "../context";

/** "noise" for corrupted values in the clean run, "zero" and the like; nothing for clean ones in the corrupted run. */
function sourceWord({ patches, direction }: PastResult): string {
  const made = madeSource(patches);
  if (made === undefined) return direction === "noise" ? "noise" : "";
  return shortSource(made) ?? "";
}

function field(cx: Context, { number, note }: HistoryEntry, name: string) {
  const keep = (target: EventTarget | null) => {
    if (target instanceof HTMLInputElement) cx.act.note(number, target.value);
  };
  // Letters and arrows are text here, whatever they do elsewhere in the page.
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== "Tab") event.stopPropagation();
    // The keyboard goes to the button, which the same press would click.
    if (event.key === "Enter" || event.key === "Escape") event.preventDefault();
    if (event.key === "Enter" && !event.isComposing) keep(event.target);
    if (event.key === "Escape") cx.act.writeNote(undefined);
  };
  return html`<input class="note-field" type="text" maxlength=${LONGEST_NOTE} autocomplete="off" placeholder="a short note; Enter keeps it"
    aria-label="note on ${name}" .value=${note} @keydown=${pressed} @change=${(event: Event) => keep(event.target)}>`;
}

/** A patch, its note, and the button that writes one. */
function item(cx: Context, entry: HistoryEntry, current: boolean) {
  const { number, note, result } = entry;
  const name = patchName(result.patches, cx.scene.model);
  const open = cx.state.noting === number;
  const text = note === "" ? nothing : html`<p class="hnote">${printable(note, LONGEST_NOTE)}</p>`;
  return html`<div class="hentry"><div class="hline">${row(cx, entry, current)}<button type="button" class="write-note" data-note=${number}
      title=${note === "" ? "write a note" : "change the note"} aria-label="note on ${name}" aria-expanded=${open}
      @click=${() => cx.act.writeNote(open ? undefined : number)}>✎</button></div>${open ? field(cx, entry, name) : text}</div>`;
}

function row(cx: Context, entry: HistoryEntry, current: boolean) {
  const { result, number, pinned } = entry;
  const share = readingOf(result, cx.state.metric, cx.scene.pair)?.share ?? null;
  const colour =
    share === null
      ? "transparent"
      : diverging(
          towardsClean(share, result.direction),
          cx.state.theme,
          onlyAblates(result.patches),
        );
  return html`<button class="hrow ${current ? "current" : ""}" data-history=${number} aria-current=${current}
      @click=${() => cx.act.replay(number)}>
    <span class="no">${pinned ? "◆" : number}</span><span class="mono">${patchName(result.patches, cx.scene.model)}</span>
    <span class="dir">${sourceWord(result)}</span>
    <i class="swatch" .style="background:${colour}"></i><span class="num">${share === null ? "–" : percent(share)}</span></button>`;
}

export function historyChart(cx: Context) {
  const { entries, result } = cx.state;
  if (entries.length === 0)
    return html`<p class="none">Your patches appear here; a click repeats one.</p>`;
  const current = shownEntry(cx.state);
  return html`<div class="hrows">${[...entries].reverse().map((e) => item(cx, e, result !== undefined && e === current))}</div>`;
}
