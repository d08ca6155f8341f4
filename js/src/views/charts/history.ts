/** Chart: the patches so far, newest first; a click asks for one again. */

import { html } from "lit-html";
import { diverging } from "../../layout/oklab";
import { towardsClean } from "../../model/experiment";
import { readingOf } from "../../model/pairs";
import { onlyAblates } from "../../model/patch";
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
  return html`<div class="hrows">${[...entries].reverse().map((e) => row(cx, e, result !== undefined && e === current))}</div>`;
}
