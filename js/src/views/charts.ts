/** The charts under the lanes: side by side as 4:5:3, or as tabs. A new chart is one more row in CHARTS. */

import { html, type TemplateResult } from "lit-html";
import type { Context } from "../context";
import { sourceOf } from "../pure/words";
import { entryOf, shownDirection, type Tab } from "../state";
import { history } from "./history";
import { logits } from "./logits";
import { reached } from "./reached";

interface Chart {
  readonly tab: Tab;
  readonly title: string;
  readonly note: (cx: Context) => unknown;
  readonly draw: (cx: Context) => TemplateResult;
}

function legend(cx: Context) {
  const patched =
    cx.state.result === undefined ? "" : html`<span class="key patched">patched</span>`;
  return html`<span class="key clean">clean</span>${patched}<span class="key corrupted">corrupted</span>`;
}

function pinButton(cx: Context) {
  const pinned = entryOf(cx.state)?.pinned === true;
  return html`<button class="tool" title="keep it on the gauge (P)" ?disabled=${cx.state.result === undefined}
    aria-pressed=${pinned ? "true" : "false"} @click=${() => cx.act.pin()}>${pinned ? "Unpin" : "Pin"}</button>`;
}

const CHARTS: readonly Chart[] = [
  {
    tab: "reach",
    title: "What the patch reached",
    note: (cx) =>
      `1 = ${sourceOf(shownDirection(cx.state))}${cx.layout.width < 1200 ? "" : " · last token"}`,
    draw: reached,
  },
  { tab: "logits", title: "Top logits", note: legend, draw: logits },
  { tab: "history", title: "History", note: pinButton, draw: history },
];

function card(cx: Context, chart: Chart, tabbed: boolean) {
  return html`<section class="chart ${chart.tab}" role=${tabbed ? "tabpanel" : "region"} aria-label=${chart.title}>
    <header>${tabbed ? "" : html`<h3>${chart.title}</h3>`}<span class="note">${chart.note(cx)}</span></header>${chart.draw(cx)}</section>`;
}

function tabs(cx: Context) {
  return html`<div class="tabs" role="tablist" aria-label="charts">${CHARTS.map(
    ({
      tab,
      title,
    }) => html`<button role="tab" aria-selected=${tab === cx.state.tab ? "true" : "false"}
      @click=${() => cx.act.tab(tab)}>${title}</button>`,
  )}</div>`;
}

export function charts(cx: Context) {
  if (cx.layout.wide)
    return html`<div class="charts">${CHARTS.map((chart) => card(cx, chart, false))}</div>`;
  const shown = CHARTS.filter((chart) => chart.tab === cx.state.tab);
  return html`<div class="charts tabbed">${tabs(cx)}${shown.map((chart) => card(cx, chart, true))}</div>`;
}
