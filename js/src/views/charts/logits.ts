/** Chart: the most likely tokens in the three runs, by their logits or their probabilities. */

import { html } from "lit-html";
import { LANES } from "../../layout/page";
import type { Lane } from "../../model/experiment";
import type { TokenComparison, TokenScore } from "../../model/result";
import type { Scores } from "../../state/state";
import { plainNumber, probability } from "../../text/numbers";
import { shortToken, tokenText } from "../../text/tokens";
import type { Context } from "../context";
import { tokenSpans } from "../token-text";

interface Scale {
  readonly scores: Scores;
  readonly low: number;
  readonly high: number;
}

function bar(lane: Lane, score: TokenScore, { scores, low, high }: Scale) {
  const at = (x: number) => ((x - low) / (high - low)) * 100;
  const value = Number.isFinite(score[scores]) ? score[scores] : 0;
  const [from, to] = [at(Math.min(0, value)), at(Math.max(0, value))];
  const said = scores === "prob" ? probability(score.prob) : plainNumber(score.logit);
  return html`<div class="lbar"><i class=${lane} .style="left:${from.toFixed(2)}%;width:${(to - from).toFixed(2)}%"></i
    ><span .style="left:${to.toFixed(2)}%">${said}</span></div>`;
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
  const { scores } = cx.state;
  const all = shown.flatMap((row) => lanes.map((lane) => row[lane][scores]));
  const known = all.filter(Number.isFinite);
  const scale = {
    scores,
    low: Math.min(0, ...known),
    high: Math.max(scores === "prob" ? 0.01 : 1, ...known),
  };
  return html`<div class="logits">${shown.slice(0, 5).map(
    (
      row,
    ) => html`<div class="lrow"><span class="mono" title=${tokenText(row.token)}>${tokenSpans(shortToken(row.token, 12))}</span>
      <div class="lbars">${lanes
        .filter((lane) => Number.isFinite(row[lane][scores]))
        .map((lane) => bar(lane, row[lane], scale))}</div></div>`,
  )}</div>`;
}
