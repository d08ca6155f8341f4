/** Chart: the most likely tokens in the three runs, by their logits or their probabilities. */

import { html, nothing } from "lit-html";
import { LANES } from "../../layout/page";
import type { Lane } from "../../model/experiment";
import type { TokenComparison, TokenScore } from "../../model/result";
import { comparedTokens } from "../../state/pins";
import type { HistoryEntry, Scores } from "../../state/state";
import { plainNumber, probability } from "../../text/numbers";
import { shortToken, tokenText } from "../../text/tokens";
import type { Context } from "../context";
import { tokenSpans } from "../token-text";

interface Scale {
  readonly scores: Scores;
  readonly low: number;
  readonly high: number;
}

function bar(lane: Lane | "pinned", score: TokenScore, { scores, low, high }: Scale) {
  const at = (x: number) => ((x - low) / (high - low)) * 100;
  const value = Number.isFinite(score[scores]) ? score[scores] : 0;
  const [from, to] = [at(Math.min(0, value)), at(Math.max(0, value))];
  const said = scores === "prob" ? probability(score.prob) : plainNumber(score.logit);
  return html`<div class="lbar" data-bar=${lane} data-value=${value}><i class=${lane} .style="left:${from.toFixed(2)}%;width:${(to - from).toFixed(2)}%"></i
    ><span .style="left:${to.toFixed(2)}%">${lane === "pinned" ? "◆ " : ""}${said}</span></div>`;
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

interface Bars {
  readonly row: TokenComparison;
  /** The same token where each pin was shown; undefined where it was not among its tokens. */
  readonly pinned: readonly (TokenScore | undefined)[];
}

/** With pins, the tokens of all of them: the most likely in any run. */
function rowsOf(cx: Context, pins: readonly HistoryEntry[]): readonly Bars[] {
  const shown = cx.state.result?.tokens ?? hostRows(cx);
  const none: TokenScore = { logit: Number.NaN, prob: Number.NaN };
  const known = new Map(shown.map((row) => [row.token, row]));
  for (const row of pins.flatMap(({ tokens }) => tokens?.rows ?? []))
    if (!known.has(row.token)) known.set(row.token, { ...row, patched: none });
  const bars = [...known.values()].map((row) => ({
    row,
    pinned: pins.map((pin) => pin.tokens?.rows.find((r) => r.token === row.token)?.patched),
  }));
  const best = ({ row, pinned }: Bars) =>
    Math.max(
      ...[row.clean, row.patched, row.corrupted, ...pinned].map((score) => score?.prob || 0),
    );
  return (pins.length === 0 ? bars : bars.sort((a, b) => best(b) - best(a))).slice(0, 5);
}

function tick(lane: Lane, score: TokenScore, { scores, low, high }: Scale) {
  const value = score[scores];
  if (!Number.isFinite(value)) return nothing;
  const said = `${lane} ${scores === "prob" ? probability(value) : plainNumber(value)}`;
  const at = ((value - low) / (high - low)) * 100;
  return html`<i class="ltick ${lane}" title=${said} .style="left:${at.toFixed(2)}%"></i>`;
}

/** The clean and the corrupted run as ticks, so that the bars are what is compared: now, and each pin. */
function pairOfBars({ row, pinned }: Bars, scale: Scale) {
  const known = (score: TokenScore | undefined): score is TokenScore =>
    score !== undefined && Number.isFinite(score[scale.scores]);
  return html`${known(row.patched) ? bar("patched", row.patched, scale) : html`<div class="lbar none"><span>–</span></div>`}${pinned.map(
    (score) =>
      known(score)
        ? bar("pinned", score, scale)
        : html`<div class="lbar none"><span title="not among the tokens of the pin">◆ –</span></div>`,
  )}${tick("clean", row.clean, scale)}${tick("corrupted", row.corrupted, scale)}`;
}

export function logitsChart(cx: Context) {
  const pins = comparedTokens(cx.state, cx.scene);
  const shown = rowsOf(cx, pins);
  const lanes = LANES.filter((lane) => lane !== "patched" || cx.state.result !== undefined);
  const { scores } = cx.state;
  const all = shown.flatMap(({ row, pinned }) => [
    ...lanes.map((lane) => row[lane][scores]),
    ...pinned.map((score) => score?.[scores] ?? Number.NaN),
  ]);
  const known = all.filter(Number.isFinite);
  const scale = {
    scores,
    low: Math.min(0, ...known),
    high: Math.max(scores === "prob" ? 0.01 : 1, ...known),
  };
  const plain = ({ row }: Bars) =>
    lanes
      .filter((lane) => Number.isFinite(row[lane][scores]))
      .map((lane) => bar(lane, row[lane], scale));
  return html`<div class="logits ${pins.length > 0 ? "compared" : ""}">${shown.map(
    (
      bars,
    ) => html`<div class="lrow"><span class="mono" title=${tokenText(bars.row.token)}>${tokenSpans(shortToken(bars.row.token, 12))}</span>
      <div class="lbars">${pins.length === 0 ? plain(bars) : pairOfBars(bars, scale)}</div></div>`,
  )}</div>`;
}
