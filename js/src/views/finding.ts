/** The strip above the lanes: the finding with its limit, its numbers and the gauge. */

import { html, nothing } from "lit-html";
import { isFrozen, pathOf } from "../model/patch";
import { foretold } from "../state/foretold";
import { shownEntry } from "../state/history";
import { recordedBoxes } from "../state/saved";
import {
  awaitsResult,
  currentFinding,
  currentMetric,
  pendingPatchName,
  shownPatchName,
} from "../state/selectors";
import type { State } from "../state/state";
import { strongestHead } from "../state/strongest";
import { type Finding, findingSentence, wholeText } from "../text/finding";
import { jointSentence, unfrozenSentence } from "../text/joint-effect";
import { caption, shortLimit } from "../text/limits";
import { effectNumber, plainNumber } from "../text/numbers";
import { NO_PATH, pathCaption } from "../text/paths";
import { savedStep } from "../text/saved";
import { madeSource, nothingPatched } from "../text/source";
import { connectionSentence, problemSentence } from "../text/status";
import type { Context } from "./context";
import { gauge } from "./gauge";
import { stepper } from "./stepper";
import { term } from "./term";

function status(cx: Context) {
  const { state, scene, act } = cx;
  const said = connectionSentence(
    state.connection,
    pendingPatchName(state, scene),
    shownPatchName(state, scene),
  );
  if (said !== undefined) {
    const waiting = state.connection === "busy" && state.pending !== undefined;
    return html`<p class="status" data-status=${state.connection}><span class="sign">●</span>${said}
      ${waiting ? html`<button @click=${() => act.cancel()}>Cancel</button>` : nothing}</p>`;
  }
  const { problem, notice } = state;
  if (problem !== undefined) {
    return html`<p class="status" data-status="error"><span class="sign">▲</span>${problemSentence(problem, state.saved)}
      ${problem.details === "" ? nothing : html`<button @click=${() => act.copy(problem.details)}>${state.saved ? "Copy as Python" : "Copy details"}</button>`}
      <button @click=${() => act.dismiss()}>Dismiss</button></p>`;
  }
  return notice === undefined
    ? undefined
    : html`<p class="status" data-status="notice">${notice}</p>`;
}

/** What to click first: the strongest head, once its map is known. */
function firstStep(cx: Context) {
  const strongest = strongestHead(cx.state, cx.scene);
  const more = cx.state.saved
    ? savedStep(recordedBoxes(cx.state))
    : "Click a token to patch at one position; Shift-click adds a box to the patch.";
  return strongest === undefined
    ? html`<p class="caption">${more}</p>`
    : html`<p class="caption"><button type="button" class="first-step" data-first-step=${strongest} @click=${() => cx.act.patchCell(strongest, "total", false)}>Try the strongest head: ${strongest}</button> ${more}</p>`;
}

function limit(cx: Context, found: Finding | undefined) {
  const { state, scene } = cx;
  if (found === undefined && state.draft !== undefined)
    return html`<p class="caption">Between the two, all else stays as it is. Esc steps back.</p>`;
  if (found === undefined) return firstStep(cx);
  const path = pathOf(found.patches);
  if (path !== undefined) {
    const [before, stressed, after] = pathCaption(path, found.direction, wholeText(found));
    return html`<p class="caption">${before}<strong>${stressed}</strong>${after}</p>`;
  }
  const singles = found.patches.length > 1 ? (shownEntry(state)?.singles ?? []) : [];
  const { patches, direction, reading, metric } = found;
  const unfrozen = unfrozenSentence(patches, singles, metric);
  if (unfrozen !== undefined) return html`<p class="caption">${unfrozen}</p>`;
  // What is frozen does nothing alone, so that there is no sum to compare with.
  const sum = patches.some(isFrozen) ? undefined : jointSentence(reading, singles, metric);
  const short = madeSource(patches) === undefined ? shortLimit(direction, reading.share) : "";
  if (sum !== undefined) return html`<p class="caption">${sum} ${short}</p>`;
  const [before, stressed, after] = caption(patches, direction, scene.model, reading.share);
  return html`<p class="caption">${before}<strong>${stressed}</strong>${after}</p>`;
}

function stat(name: "effect" | "recovery", value: string) {
  return html`<div class="stat"><b>${value}</b>${term(name, name)}</div>`;
}

function pinButton(cx: Context) {
  const pinned = shownEntry(cx.state)?.pinned === true;
  const title = pinned ? "take the pin away (P)" : "compare what comes next with this (P)";
  return html`<button type="button" class="stat pin-it" title=${title} aria-pressed=${pinned} @click=${() => cx.act.pin()}><b aria-hidden="true">${pinned ? "◆" : "◇"}</b><span>${pinned ? "pinned" : "pin"}</span></button>`;
}

function numbers(cx: Context, found: Finding) {
  const { effect, recovery } = found.reading;
  const shown = recovery === null ? "–" : plainNumber(recovery);
  const { spread, draws = 1 } = found.reading;
  const varied = draws > 1 && spread !== null && spread !== undefined;
  const size = varied ? plainNumber(spread, found.metric.noise_floor) : "";
  const shownEffect = effectNumber(effect, found.metric);
  const title = varied ? `the mean of ${draws} draws, and how much they vary` : nothing;
  return html`<div class="stats" title=${title}>${stat("effect", varied ? `${shownEffect} ± ${size}` : shownEffect)}${stat("recovery", shown)}${pinButton(cx)}</div>`;
}

/** The numbers of a finding; of a dataset, also which pair they are of. */
function facts(cx: Context, found: Finding | undefined) {
  const stats = found === undefined ? nothing : numbers(cx, found);
  return cx.scene.task.n_pairs < 2
    ? stats
    : html`<div class="of-pair">${stats}${stepper(cx)}</div>`;
}

/** The same numbers with all their digits, for scripts and tests. */
function resultAttributes(found: Finding) {
  return {
    site: found.patches.map((patch) => patch.site).join(" + "),
    effect: String(found.reading.effect ?? Number.NaN),
    recovery: String(found.reading.recovery ?? Number.NaN),
  };
}

function nothingYet({ draft, direction, source }: State): string {
  return draft === undefined ? nothingPatched(source, direction) : NO_PATH;
}

export function findingStrip(cx: Context) {
  const { state, scene } = cx;
  const metric = currentMetric(state, scene);
  const answered = currentFinding(state, scene);
  const early = foretold(state, scene);
  const found = early ?? answered;
  const sentence = found === undefined ? nothingYet(state) : findingSentence(found);
  const attributes = answered && resultAttributes(answered);
  return html`<div class="answer ${awaitsResult(state) ? "waiting" : ""}" ?inert=${state.editing !== undefined && state.problem === undefined} data-foretold=${early?.patches[0]?.site ?? nothing}
      data-result=${answered === undefined ? nothing : ""}
      data-site=${attributes?.site ?? nothing} data-metric=${attributes === undefined ? nothing : metric.name}
      data-pair=${attributes === undefined ? nothing : scene.pair}
      data-effect=${attributes?.effect ?? nothing} data-recovery=${attributes?.recovery ?? nothing}>
    <div class="said-what"><p class="finding" title=${sentence}>${sentence}</p>${status(cx) ?? limit(cx, found)}</div>
    ${facts(cx, found)}${gauge(cx, metric, found)}
  </div>`;
}
