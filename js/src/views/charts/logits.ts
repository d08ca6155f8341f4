/** Chart: the logits of the most likely tokens in the three runs. */

import { html } from "lit-html";
import { LANES } from "../../layout/page";
import type { Lane } from "../../model/experiment";
import type { TokenComparison, TokenScore } from "../../model/result";
import { plainNumber } from "../../text/numbers";
import { shortToken, tokenText } from "../../text/tokens";
import type { Context } from "../context";

function bar(lane: Lane, score: TokenScore, low: number, high: number) {
  const at = (x: number) => ((x - low) / (high - low)) * 100;
  const value = Number.isFinite(score.logit) ? score.logit : 0;
  const [from, to] = [at(Math.min(0, value)), at(Math.max(0, value))];
  return html`<div class="lbar"><i class=${lane} .style="left:${from.toFixed(2)}%;width:${(to - from).toFixed(2)}%"></i
    ><span .style="left:${to.toFixed(2)}%">${plainNumber(score.logit)}</span></div>`;
}

/** The rows while nothing is patched: the most likely tokens of the two runs. */
function hostRows(cx: Context): readonly TokenComparison[] {
  const { clean, corrupted } = cx.scene.runs;
  const none: TokenScore = { logit: Number.NaN, prob: Number.NaN };
  const score = (run: typeof clean, token: string) =>
    run.top.find((t) => t.token === token) ?? none;
  const tokens = [...new Set([...clean.top, ...corrupted.top].map((t) => t.token))];
  const row = (token: string): TokenComparison => ({
    token,
    clean: score(clean, token),
    patched: none,
    corrupted: score(corrupted, token),
  });
  const best = (r: TokenComparison) => Math.max(r.clean.prob || 0, r.corrupted.prob || 0);
  return tokens
    .map(row)
    .sort((a, b) => best(b) - best(a))
    .slice(0, 5);
}

export function logitsChart(cx: Context) {
  const shown = cx.state.result?.tokens ?? hostRows(cx);
  const lanes = LANES.filter((lane) => lane !== "patched" || cx.state.result !== undefined);
  const all = shown.flatMap((row) => lanes.map((lane) => row[lane].logit)).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...all), Math.max(1, ...all)];
  return html`<div class="logits">${shown.slice(0, 5).map(
    (
      row,
    ) => html`<div class="lrow"><span class="mono" title=${tokenText(row.token)}>${shortToken(row.token, 12)}</span>
      <div class="lbars">${lanes
        .filter((lane) => Number.isFinite(row[lane].logit))
        .map((lane) => bar(lane, row[lane], low, high))}</div></div>`,
  )}</div>`;
}
