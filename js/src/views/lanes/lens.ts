/** The lens: the token that the stream would say, as beads on the stream of each lane. */

import { html, nothing, svg } from "lit-html";
import { type BeadBox, beadBoxes } from "../../layout/lens";
import { type Cell, exactCell } from "../../model/cell";
import type { Lane } from "../../model/experiment";
import { LENS_METHODS, type LensFacts, type LensLayer, type LensMethod } from "../../model/lens";
import { canAsk, hasPatchedRun, knownLens, readPosition } from "../../state/head";
import { probability } from "../../text/numbers";
import { ofPair } from "../../text/pairs";
import { NO_PYTHON, sentence } from "../../text/status";
import { shortToken, tokenText } from "../../text/tokens";
import { again } from "../again";
import type { Context } from "../context";
import { term } from "../term";

const NAMES: Readonly<Record<LensMethod, string>> = { logit: "logit", jacobian: "Jacobian" };

function isAnswer(cx: Context, token: string): string {
  const { answer, foil } = cx.scene.task;
  return answer.includes(token) ? "says-answer" : foil.includes(token) ? "says-foil" : "";
}

function bead(cx: Context, box: BeadBox) {
  const { x, y, w, h, room, token, first, last } = box;
  const text = room < 1 ? "" : room < 2 ? "·" : shortToken(token, room);
  return svg`<g class="bead ${isAnswer(cx, token)}" data-first=${first} data-last=${last} data-token=${token}>
    <rect x=${x} y=${y} width=${w} height=${h} rx="4"/>
    <text x=${x + w / 2} y=${y + h - 3.5} text-anchor="middle">${text}</text></g>`;
}

/** The beads of a lane; empty while the lens is off, or not yet there. */
export function lensBeads(cx: Context, lane: Lane) {
  const { fact, stale } = knownLens(cx.state, cx.scene);
  if (fact === undefined || (lane === "patched" && cx.state.result && !hasPatchedRun(cx.state)))
    return nothing;
  const boxes = beadBoxes(cx.layout, lane, fact.runs[lane]);
  return svg`<g class=${stale ? "beads stale" : "beads"} aria-hidden="true" data-lens=${fact.method}>${boxes.map((box) => bead(cx, box))}</g>`;
}

const SHOWN: readonly Lane[] = ["clean", "patched", "corrupted"];

function layerText({ top, answer }: LensLayer): string {
  const [first] = top;
  if (first === undefined) return "nothing";
  const rank = answer === null ? "" : `, answer #${answer.rank} (${probability(answer.prob)})`;
  return `${tokenText(first.token)} ${probability(first.prob)}${rank}`;
}

/** The layer whose stream a site is. */
function streamLayer(site: string): number | undefined {
  const cell: Cell | undefined = exactCell(site);
  return cell?.component === "resid_post" ? cell.layer : undefined;
}

function ofLayer(facts: LensFacts, lane: Lane, layer: number): LensLayer {
  return facts.runs[lane][layer] ?? { top: [], answer: null };
}

/** What the read-out says of the stream under the pointer, in all runs; undefined if the lens is off. */
export function lensText(cx: Context, site: string) {
  const { fact } = knownLens(cx.state, cx.scene);
  const layer = streamLayer(site);
  if (fact === undefined || layer === undefined) return undefined;
  const lanes = SHOWN.filter((lane) => lane !== "patched" || hasPatchedRun(cx.state));
  const runs = lanes.map((lane) => {
    const of = ofLayer(fact, lane, layer);
    const [top] = of.top;
    return html` · <span data-lens-run=${lane} data-token=${top?.token ?? ""} data-prob=${top?.prob ?? Number.NaN}
      data-answer-prob=${of.answer?.prob ?? nothing} data-rank=${of.answer?.rank ?? nothing}>${lane} ${layerText(of)}</span>`;
  });
  return html`<span data-lens-layer=${layer}>stream after layer ${layer}</span>${runs}`;
}

/** The same for the label of a cell, of the patched run. */
export function lensLabel(cx: Context, cell: Cell): string {
  const { fact } = knownLens(cx.state, cx.scene);
  if (fact === undefined || cell.component !== "resid_post") return "";
  return `, would say ${layerText(ofLayer(fact, "patched", cell.layer))}`;
}

function method(cx: Context, facts: LensFacts | undefined) {
  const known = facts?.methods ?? [];
  const name = (which: LensMethod) => NAMES[which];
  if (known.length < 2)
    return html`<b>${name(cx.state.lens ?? "logit")} ${term("lens", "lens")}</b>`;
  return html`<span class="switch" role="group" aria-label="lens">${LENS_METHODS.map(
    (
      which,
    ) => html`<button type="button" data-method=${which} aria-pressed=${which === cx.state.lens}
      @click=${() => cx.act.lens(which)}>${name(which)}</button>`,
  )}</span> ${term("lens", "lens")}`;
}

const LIMITS: Readonly<Record<LensMethod, string>> = {
  logit: "Beads: what the stream after each layer would say if it were the last one.",
  jacobian: "Beads: what the stream would say, carried to the last layer by an average Jacobian.",
};

/** The line under the lanes while the lens is on: which one, where it reads, and what it may be taken to mean. */
export function lensLine(cx: Context) {
  const { lens } = cx.state;
  if (lens === undefined) return nothing;
  const { fact, stale, phase, message } = knownLens(cx.state, cx.scene);
  const position = readPosition(cx.state, cx.scene);
  const { clean } = cx.scene.task;
  const at = html`at @${position} <span class="mono">${shortToken(clean[position] ?? "", 12)}</span>${ofPair(cx.scene)}`;
  const button = again(cx, () => cx.act.askAgain("lens"));
  const said =
    phase === "failed"
      ? html`${sentence(message)} ${button}`
      : phase === "dropped"
        ? html`Stopped before it was done. ${button}`
        : fact === undefined || stale
          ? canAsk(cx.state)
            ? "Reading the streams …"
            : NO_PYTHON
          : fact.runs.clean.length === 0 && fact.reason !== null
            ? fact.reason
            : `${LIMITS[lens]} It is not what the model computes there.`;
  return html`<div class="lens-line" role="group" aria-label="lens" data-lens-phase=${phase}>${method(cx, fact)} ${at} <span class="said">${said}</span>
    <button class="tool" title="lens off (T)" aria-label="lens off" @click=${() => cx.act.lens(undefined)}>×</button></div>`;
}
