/** The output of a run: the metric, and as many of its most likely tokens as the lane has room for. */

import { html } from "lit-html";
import { hostOf, type Lane, type Run } from "../../model/experiment";
import { isolated } from "../../model/printable";
import { currentMetric, shownDirection } from "../../state/selectors";
import { metricNumber, probability } from "../../text/numbers";
import { shortToken } from "../../text/tokens";
import type { Context } from "../context";
import { tokenSpans } from "../token-text";

const HEAD = 26;

const ROW = 20;

/** The run of a lane. Until something is patched, the patched lane shows its host. */
function runOf(cx: Context, lane: Lane): Run {
  const { state, scene } = cx;
  if (lane !== "patched") return scene.runs[lane];
  return state.result?.patched ?? scene.runs[hostOf(shownDirection(state))];
}

/** A metric's label. If it is too long, its position stays in sight. */
function metricLabel(label: string) {
  const at = label.lastIndexOf("@");
  const name = at < 0 ? label : label.slice(0, at);
  return html`<span class="metric-label">${name}</span>${label.slice(name.length)}`;
}

function metricValue(cx: Context, lane: Lane) {
  const metric = currentMetric(cx.state, cx.scene);
  const value = runOf(cx, lane).values[metric.name];
  return html`<span class="metric">${metricLabel(isolated(metric.label))} <b>${metricNumber(value, metric)}</b></span>`;
}

export function outputs(cx: Context, lane: Lane) {
  const { height } = cx.layout.lanes[lane];
  const top = runOf(cx, lane).top.slice(0, Math.max(1, Math.floor((height - HEAD) / ROW)));
  return html`<div class="outputs"><div class="outputs-head">${metricValue(cx, lane)}</div>${top.map(
    (
      t,
    ) => html`<div class="out"><span class="bar" .style="width:${((t.prob || 0) * 100).toFixed(1)}%"></span
      ><span class="mono">${tokenSpans(shortToken(t.token, 12))}</span><span class="num">${probability(t.prob)}</span></div>`,
  )}</div>`;
}

/** The same in one line, for a lane that has no room at its side. */
export function outputsLine(cx: Context, lane: Lane) {
  const first = runOf(cx, lane).top[0];
  const said =
    first === undefined
      ? ""
      : html`<span class="mono">${tokenSpans(shortToken(first.token, 14))}</span> ${probability(first.prob)}`;
  return html`<span class="said">${said}</span>${metricValue(cx, lane)}`;
}
