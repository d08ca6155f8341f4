/** Chart: the patches so far, newest first; a click asks again. */

import { html } from "lit-html";
import type { Context } from "../context";
import { percent } from "../pure/format";
import { diverging, towardsClean } from "../pure/oklab";
import { nameOf } from "../pure/words";
import { type Entry, entryOf } from "../state";

function row(cx: Context, entry: Entry, current: boolean) {
  const { result, number, pinned } = entry;
  const share = result.readings[cx.state.metric]?.share ?? null;
  const colour =
    share === null
      ? "transparent"
      : diverging(towardsClean(share, result.direction), cx.state.theme);
  return html`<button class="hrow ${current ? "current" : ""}" data-history=${number} aria-current=${current ? "true" : "false"}
      @click=${() => cx.act.replay(number)}>
    <span class="no">${pinned ? "◆" : number}</span><span class="mono">${nameOf(result.patches, cx.scene.model)}</span>
    <span class="dir">${result.direction === "noise" ? "noise" : ""}</span>
    <i class="swatch" style="background:${colour}"></i><span class="num">${share === null ? "–" : percent(share)}</span></button>`;
}

export function history(cx: Context) {
  const { entries, result } = cx.state;
  if (entries.length === 0)
    return html`<p class="none">Each patch is kept here; a click asks it again.</p>`;
  const current = entryOf(cx.state);
  return html`<div class="hrows">${[...entries].reverse().map((e) => row(cx, e, result !== undefined && e === current))}</div>`;
}
