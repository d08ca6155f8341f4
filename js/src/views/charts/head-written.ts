/** Which tokens a head writes: those whose logits it raises most and lowers most, in each run. */

import { html } from "lit-html";
import type { Lane } from "../../model/experiment";
import type { Written, WrittenToken } from "../../model/head";
import { knownHead, readPosition } from "../../state/head";
import { signed } from "../../text/numbers";
import { ofPair } from "../../text/pairs";
import { shortToken, tokenText } from "../../text/tokens";
import type { Context } from "../context";
import { term } from "../term";
import { headLanes, part } from "./head-part";

function tokenRow(cx: Context, { token, logit }: WrittenToken) {
  const { answer, foil } = cx.scene.task;
  const kind = answer.includes(token) ? "says-answer" : foil.includes(token) ? "says-foil" : "";
  return html`<tr class=${kind} data-token=${token} data-logit=${logit}><td class="mono" title=${tokenText(token)}>${shortToken(token, 9)}</td><td class="num">${signed(logit)}</td></tr>`;
}

function column(cx: Context, lane: Lane, { up, down }: Written) {
  return html`<table class="written-run ${lane}" data-written=${lane} aria-label="${lane} run">
    <thead><tr><th colspan="2" class="key ${lane}">${lane}</th></tr></thead>
    <tbody class="up" aria-label="raised">${up.map((each) => tokenRow(cx, each))}</tbody>
    <tbody class="down" aria-label="lowered">${down.map((each) => tokenRow(cx, each))}</tbody></table>`;
}

function content(cx: Context) {
  const { fact } = knownHead(cx.state, cx.scene);
  if (fact === undefined) return html`<p class="none">…</p>`;
  if (fact.nothingWritten !== null) return html`<p class="none">${fact.nothingWritten}</p>`;
  const lanes = headLanes(cx).flatMap((lane) => {
    const of = fact.written[lane];
    return of === undefined ? [] : [column(cx, lane, of)];
  });
  return html`<div class="written-runs">${lanes}</div><p class="hint">What it adds to their logits directly, with each run's own scale of the final norm.</p>`;
}

export function written(cx: Context) {
  const { fact } = knownHead(cx.state, cx.scene);
  const position = fact?.position ?? readPosition(cx.state, cx.scene);
  const pair = ofPair(cx.scene);
  return part("written", term("writes", "Writes"), `at @${position}${pair}`, content(cx));
}
