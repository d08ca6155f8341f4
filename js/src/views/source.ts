/** The sentence that says what is patched into what: "Put [clean ▾] into [corrupted ▾]". */

import { html, nothing } from "lit-html";
import { lacksCounterpart, tokenAtPosition } from "../model/counterparts";
import { hostOf, type Prompt, sourceOf } from "../model/experiment";
import { isMade, type Made } from "../model/source";
import { plainNumber } from "../text/numbers";
import { sourceLabel } from "../text/source";
import { shortToken } from "../text/tokens";
import type { Context } from "./context";

const RUNS: readonly Prompt[] = ["clean", "corrupted"];

/** The chosen source in the place of what is offered of its kind: it may come from Python. */
function choices(cx: Context): readonly { source: Made; reason: string | null }[] {
  const { source } = cx.state;
  const offered = cx.scene.sources;
  if (!isMade(source)) return offered;
  const others = offered.map((each) =>
    each.source.kind === source.kind ? { source, reason: null } : each,
  );
  return others.some((each) => each.source === source)
    ? others
    : [...others, { source, reason: null }];
}

function sourceSelect(cx: Context) {
  const { source, direction } = cx.state;
  const made = choices(cx);
  const chosen = isMade(source) ? source.kind : sourceOf(direction);
  const change = ({ target }: Event) => {
    if (!(target instanceof HTMLSelectElement)) return;
    const run = RUNS.find((name) => name === target.value);
    const other = made.find((each) => each.source.kind === target.value);
    if (run !== undefined) cx.act.fromRun(run);
    else if (other !== undefined) cx.act.source(other.source);
  };
  return html`<select class="from ${isMade(source) ? source.kind : chosen}" aria-label="what is put into the host" data-source=${chosen} data-explain=${isMade(source) ? `put-${source.kind}` : direction}
    @change=${change}>${RUNS.map(
      (run) => html`<option value=${run} ?selected=${run === chosen}>${run}</option>`,
    )}${made.map(
      (each) =>
        html`<option value=${each.source.kind} title=${each.reason ?? nothing} ?selected=${each.source.kind === chosen} ?disabled=${each.reason !== null}>${sourceLabel(each.source)}</option>`,
    )}</select>`;
}

function hostSelect(cx: Context) {
  const host = hostOf(cx.state.direction);
  const change = ({ target }: Event) => {
    const run = RUNS.find((name) => target instanceof HTMLSelectElement && name === target.value);
    if (run !== undefined) cx.act.into(run);
  };
  return html`<select class="host ${host}" aria-label="the run that is patched" data-host=${host} data-explain="host" @change=${change}>${RUNS.map(
    (run) => html`<option value=${run} ?selected=${run === host}>${run}</option>`,
  )}</select>`;
}

function swap(cx: Context) {
  const other = cx.state.direction === "denoise" ? "noise" : "denoise";
  return html`<button class="tool swap" data-direction=${other} data-explain=${cx.state.direction} title="the other run is patched (N)" aria-label="turn round"
    @click=${() => cx.act.direction(other)}>⇄</button>`;
}

/** How much of clean − corrupted is added. */
function dose(cx: Context, source: Made) {
  const alpha = source.alpha ?? 1;
  const change = ({ target }: Event) => {
    if (!(target instanceof HTMLInputElement)) return;
    const value = Number(target.value);
    if (Number.isFinite(value) && value !== alpha) cx.act.source({ ...source, alpha: value });
  };
  return html`<label class="dose" data-explain="put-steer">α <input type="range" min="-2" max="2" step="0.1" aria-label="α, how much of clean − corrupted is added"
    .value=${String(alpha)} @input=${change}><output>${plainNumber(alpha, 0.01)}</output></label>`;
}

function otherPosition(cx: Context, source: Made) {
  const { task } = cx.scene;
  const run = source.run === "host" ? hostOf(cx.state.direction) : sourceOf(cx.state.direction);
  const change = ({ target }: Event) => {
    if (target instanceof HTMLSelectElement)
      cx.act.source({ ...source, pos: Number(target.value) });
  };
  const named = typeof source.pos === "string" ? task.positions[source.pos] : source.pos;
  const at = (named ?? 0) < 0 ? (named ?? 0) + task.clean.length : named;
  return html`<select class="elsewhere" aria-label="position to read" data-explain="put-at" @change=${change}>${task.clean.map(
    (_, i) =>
      lacksCounterpart(task, i)
        ? nothing
        : html`<option value=${i} ?selected=${i === at}>@${i} ${shortToken(tokenAtPosition(task, run, i), 12)}</option>`,
  )}</select>`;
}

function detail(cx: Context) {
  const { source } = cx.state;
  if (!isMade(source)) return nothing;
  if (source.kind === "steer") return dose(cx, source);
  return source.kind === "at" && source.pos !== undefined ? otherPosition(cx, source) : nothing;
}

export function sourceSentence(cx: Context) {
  return html`<div class="put" role="group" aria-label="what is patched into what"><span>Put</span>${sourceSelect(cx)}${detail(cx)}<span>into</span>${hostSelect(cx)}${swap(cx)}</div>`;
}
