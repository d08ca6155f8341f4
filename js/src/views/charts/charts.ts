/** The charts under the lanes: side by side, or as tabs. A new chart is one more row in CHARTS. */

import { html, nothing, type TemplateResult } from "lit-html";
import { chartWidths } from "../../layout/charts";
import { shownEntry } from "../../state/history";
import { hasMaps } from "../../state/maps";
import { comparedTokens } from "../../state/pins";
import type { Scores, Tab } from "../../state/state";
import { patchName } from "../../text/names";
import type { Context } from "../context";
import { mapChart, mapNote } from "../maps/map";
import { mapTitle } from "../maps/title";
import { shownSource } from "../shown-source";
import { switchOf } from "../switch";
import { circuitChart } from "./circuit";
import { headChart, headNote } from "./head";
import { historyChart } from "./history";
import { logitsChart } from "./logits";
import { neuronMenu, neuronsChart } from "./neurons";
import { reachChart } from "./reach";

interface Chart {
  readonly tab: Tab;
  readonly title: string;
  /** The title where there is little room. */
  readonly short: string;
  readonly heading?: (cx: Context) => unknown;
  readonly note: (cx: Context) => unknown;
  readonly draw: (cx: Context) => TemplateResult;
}

function legend(cx: Context) {
  const pins = comparedTokens(cx.state, cx.scene).map(({ result }) => {
    const name = patchName(result.patches, cx.scene.model);
    return html`<span class="key pinned" title="pinned: ${name}">◆ ${name}</span>`;
  });
  const patched =
    cx.state.result === undefined
      ? ""
      : html`<span class="key patched">${pins.length === 0 ? "patched" : "now"}</span>`;
  const values = [
    ["logit", "logit"],
    ["prob", "prob"],
  ] as const;
  const choose = (scores: Scores) => cx.act.scores(scores);
  return html`<span class="logits-legend"><span class="key clean">clean</span>${patched}${pins}<span class="key corrupted">corrupted</span>${switchOf(
    "scores of the tokens",
    values,
    cx.state.scores,
    choose,
  )}</span>`;
}

function pinButton(cx: Context) {
  const pinned = shownEntry(cx.state)?.pinned === true;
  return html`<button class="tool" title="compare what comes next with this (P)" ?disabled=${cx.state.result === undefined}
    aria-pressed=${pinned} @click=${() => cx.act.pin()}>${pinned ? "Unpin" : "Pin"}</button>`;
}

const MAPS: readonly Chart[] = [
  {
    tab: "positions",
    title: "Positions · layer × position",
    short: "Positions",
    heading: (cx) => mapTitle(cx, "positions"),
    note: (cx) => mapNote(cx, "positions"),
    draw: (cx) => mapChart(cx, "positions"),
  },
  {
    tab: "heads",
    title: "Heads · layer × head",
    short: "Heads",
    heading: (cx) => mapTitle(cx, "heads"),
    note: (cx) => mapNote(cx, "heads"),
    draw: (cx) => mapChart(cx, "heads"),
  },
];

const REACH: Chart = {
  tab: "reach",
  title: "What the patch reached",
  short: "Reached",
  note: (cx) =>
    `1 = ${shownSource(cx.state).towards ?? "as far as the runs are apart"}${cx.layout.width < 1200 ? "" : " · last token"}`,
  draw: reachChart,
};

const LOGITS: Chart = {
  tab: "logits",
  title: "Top tokens",
  short: "Tokens",
  note: legend,
  draw: logitsChart,
};

const NEURONS: Chart = {
  tab: "neurons",
  title: "Neurons of the largest effect",
  short: "Neurons",
  note: neuronMenu,
  draw: neuronsChart,
};

const HISTORY: Chart = {
  tab: "history",
  title: "History",
  short: "History",
  note: pinButton,
  draw: historyChart,
};

const HEAD: Chart = {
  tab: "head",
  title: "One head",
  short: "Head",
  note: headNote,
  draw: headChart,
};

const CIRCUIT: Chart = {
  tab: "circuit",
  title: "Circuit: only the selection",
  short: "Circuit",
  note: () => nothing,
  draw: circuitChart,
};

const CHARTS: readonly Chart[] = [REACH, LOGITS, HISTORY];

/** Beside the maps only one of them is shown; the logits come first. */
const BESIDE_MAPS: readonly Chart[] = [LOGITS, REACH, HEAD, NEURONS, CIRCUIT, HISTORY];

function card(cx: Context, chart: Chart) {
  return html`<section class="chart ${chart.tab}" aria-label=${chart.title}>
    <header>${chart.heading?.(cx) ?? html`<h3>${chart.title}</h3>`}${
      isMap(chart) ? nothing : html`<span class="note">${chart.note(cx)}</span>`
    }</header>${isMap(chart) ? chart.note(cx) : nothing}${chart.draw(cx)}</section>`;
}

function isMap(chart: Chart): boolean {
  return MAPS.includes(chart);
}

function tabs(cx: Context, charts: readonly Chart[], shown: Chart | undefined) {
  const short = hasMaps(cx.state);
  return html`<div class="tabs" role="tablist" aria-label="charts">${charts.map(
    (chart) => html`<button role="tab" aria-selected=${chart === shown} data-tab=${chart.tab}
      ?disabled=${chart === HEAD && cx.state.headPanel.head === undefined}
      title=${chart.title} @click=${() => cx.act.tab(chart.tab)}>${short ? chart.short : chart.title}</button>`,
  )}</div>`;
}

function tabbed(cx: Context, charts: readonly Chart[], usual: Tab) {
  const shown =
    charts.find(({ tab }) => tab === cx.state.tab) ?? charts.find(({ tab }) => tab === usual);
  const body =
    shown &&
    html`<section class="chart ${shown.tab}" role="tabpanel" aria-label=${shown.title}>
    ${isMap(shown) ? html`<header class="one-line">${shown.heading?.(cx)}${shown.note(cx)}</header>` : html`<header><span class="note">${shown.note(cx)}</span></header>`}${shown.draw(cx)}</section>`;
  return html`<div class="tabbed">${tabs(cx, charts, shown)}${body}</div>`;
}

export function charts(cx: Context) {
  const maps = hasMaps(cx.state);
  const kind = maps ? "charts mapped" : "charts";
  if (!cx.layout.wide) {
    const all = maps ? [...MAPS, ...BESIDE_MAPS] : CHARTS;
    return html`<div class="${kind} narrow">${tabbed(cx, all, maps ? "positions" : "logits")}</div>`;
  }
  if (!maps) return html`<div class=${kind}>${CHARTS.map((chart) => card(cx, chart))}</div>`;
  // A head needs the room of two charts, and its tabs stay where they are.
  const shown = MAPS.filter(({ tab }) => cx.state.tab !== "head" || tab === "heads");
  const cards = shown.map((chart) => card(cx, chart));
  const { positions, heads, others } = chartWidths(cx.layout);
  const widths = `--positions:${positions}px;--heads:${heads}px;--others:${others}px`;
  return html`<div class="${kind} ${cx.state.tab === "head" ? "with-head" : ""}" .style=${widths}>${cards}${tabbed(cx, BESIDE_MAPS, "logits")}</div>`;
}
