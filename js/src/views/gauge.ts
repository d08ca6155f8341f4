/** The recovery gauge: 0 is corrupted, 1 is clean, the knob is the patched run, ghosts are pinned results. */

import { html, nothing } from "lit-html";
import { gaugePercent, HIGH, LOW } from "../layout/gauge";
import type { Direction, MetricInfo, Prompt } from "../model/experiment";
import { readingOf } from "../model/pairs";
import { onlyAblates } from "../model/patch";
import type { Reading } from "../model/result";
import { ofShownPrompts } from "../state/selectors";
import type { Finding } from "../text/finding";
import { patchName } from "../text/names";
import { metricNumber, plainNumber } from "../text/numbers";
import type { Context } from "./context";
import { pairDots } from "./pair-dots";

function fill(recovery: number, direction: Direction, grey: boolean) {
  const from = gaugePercent(direction === "denoise" ? 0 : 1);
  const to = gaugePercent(recovery);
  const towards = direction === "denoise" ? recovery >= 0 : recovery <= 1;
  const run = towards === (direction === "denoise") ? "clean" : "corrupted";
  const colour = grey ? "grey" : run;
  return html`<i class="gauge-fill ${colour}" .style="left:${Math.min(from, to)}%;width:${Math.abs(to - from)}%"></i>`;
}

function ghosts(cx: Context, metric: MetricInfo) {
  return cx.state.entries.map(({ pinned, result }) => {
    const recovery = readingOf(result, metric.name, cx.scene.pair)?.recovery;
    if (!pinned || !ofShownPrompts(cx.state, result)) return nothing;
    if (recovery === null || recovery === undefined) return nothing;
    const title = `${patchName(result.patches, cx.scene.model)}: ${plainNumber(recovery)}`;
    return html`<i class="ghost" title=${title} .style="left:${gaugePercent(recovery)}%"></i>`;
  });
}

function knob(reading: Reading, metric: MetricInfo) {
  if (reading.recovery === null) return nothing;
  const over = reading.recovery > HIGH ? "over" : reading.recovery < LOW ? "under" : "";
  return html`<i class="knob ${over}" .style="left:${gaugePercent(reading.recovery)}%"></i>
    <span class="knob-value" .style="left:${gaugePercent(reading.recovery)}%">${metricNumber(reading.value, metric)}</span>`;
}

export function gauge(cx: Context, metric: MetricInfo, found: Finding | undefined) {
  const { runs } = cx.scene;
  const reading = found?.reading;
  const value = (run: Prompt) => metricNumber(runs[run].values[metric.name], metric);
  const recovery = reading?.recovery ?? null;
  const said = recovery === null ? "no value" : plainNumber(recovery);
  return html`<div class="gauge ${cx.scene.task.n_pairs > 1 ? "of-pairs" : ""}" data-explain="recovery"><div class="reads" role="img"
      aria-label="Recovery ${said}; 0 is corrupted at ${value("corrupted")}, 1 is clean at ${value("clean")}">
    <div class="track"><i class="end corrupted" .style="left:${gaugePercent(0)}%"></i><i class="end clean" .style="left:${gaugePercent(1)}%"></i>${
      recovery === null || found === undefined
        ? nothing
        : fill(recovery, found.direction, onlyAblates(found.patches))
    }${ghosts(cx, metric)}${reading === undefined ? nothing : knob(reading, metric)}</div>
    <span class="gauge-end corrupted" .style="left:${gaugePercent(0)}%">corrupted ${value("corrupted")}</span>
    <span class="gauge-end clean" .style="left:${gaugePercent(1)}%">clean ${value("clean")}</span></div>${pairDots(cx, metric)}
  </div>`;
}
