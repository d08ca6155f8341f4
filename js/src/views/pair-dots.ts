/** One dot per pair under the gauge, with the mean and its interval. The pointer previews a pair, a click shows it. */

import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { dotAt, gaugePercent, type PairDot, pairDots as placed } from "../layout/gauge";
import type { MetricInfo } from "../model/experiment";
import type { OverPairs } from "../model/result";
import { hoveredPair } from "../state/pairs";
import { plainNumber } from "../text/numbers";
import type { Context } from "./context";

function dotUnder(dots: readonly PairDot[], event: MouseEvent): number | undefined {
  if (!(event.currentTarget instanceof Element)) return undefined;
  const { left, top, width } = event.currentTarget.getBoundingClientRect();
  const percent = ((event.clientX - left) / Math.max(1, width)) * 100;
  return dotAt(dots, percent, event.clientY - top - 2.5)?.pair;
}

function summary({ mean, low, high, no_interval, recovery }: OverPairs, shown: number): string {
  const known = recovery.filter((each) => each !== null);
  if (known.length === 0 || mean.recovery === null) return "No recovery to show by pair";
  const range = `${plainNumber(Math.min(...known))} to ${plainNumber(Math.max(...known))}`;
  const interval =
    low === null || high === null
      ? `no interval${no_interval === null ? "" : `: ${no_interval}`}`
      : `95 % interval ${plainNumber(low)} to ${plainNumber(high)}`;
  return `Recovery of ${shown} of ${recovery.length} pairs, ${range}; mean ${plainNumber(mean.recovery)}, ${interval}`;
}

function meanMarks({ mean, low, high }: OverPairs) {
  if (mean.recovery === null) return nothing;
  const at = gaugePercent(mean.recovery);
  const interval =
    low === null || high === null
      ? nothing
      : html`<i class="interval" .style="left:${gaugePercent(low)}%;width:${gaugePercent(high) - gaugePercent(low)}%"></i>`;
  return html`${interval}<i class="mean-mark" .style="left:${at}%"></i>`;
}

export function pairDots(cx: Context, metric: MetricInfo) {
  const over = cx.state.result?.over_pairs?.[metric.name];
  if (cx.scene.task.n_pairs < 2) return nothing;
  if (over === undefined) return html`<div class="pair-dots"></div>`;
  const { pair } = cx.scene;
  const hovered = hoveredPair(cx.state);
  return html`${guard([over, pair, hovered, cx.act], () => {
    const dots = placed(over.recovery);
    const preview = (event: PointerEvent) => {
      const under = dotUnder(dots, event);
      cx.act.hover(under === undefined ? undefined : `#${under}`);
    };
    const show = (event: MouseEvent) => {
      const under = dotUnder(dots, event);
      if (under !== undefined) cx.act.pair(under);
    };
    const kind = (dot: PairDot) =>
      `${dot.pair === pair ? "on" : ""} ${dot.pair === hovered ? "hovered" : ""}`;
    return html`<div class="pair-dots" role="img" aria-label=${summary(over, dots.length)}
      data-mean=${String(over.mean.recovery ?? Number.NaN)} data-low=${String(over.low ?? Number.NaN)} data-high=${String(over.high ?? Number.NaN)}
      @pointermove=${preview} @pointerleave=${() => cx.act.hover(undefined)} @click=${show}>${meanMarks(over)}${dots.map(
        (
          dot,
        ) => html`<i class="dot ${kind(dot)}" data-pair=${dot.pair} data-recovery=${String(dot.recovery)}
        .style="left:${dot.left}%;top:${dot.top}px"></i>`,
      )}</div>`;
  })}`;
}
