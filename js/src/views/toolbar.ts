/** The toolbar: model, source and host, metric, position; undo, code, keys. */

import { html, nothing, svg } from "lit-html";
import { currentMetric, selectedPatches } from "../state/selectors";
import type { Panel } from "../state/state";
import { modelFacts } from "../text/names";
import { PATHS_NEED_PYTHON } from "../text/saved";
import { scopeText } from "../text/scope";
import type { Context } from "./context";
import { sourceSentence } from "./source";
import { term } from "./term";

/** The least width at which no button has to go into the menu. */
const ROOMY = 1240;

/** The least width at which undo and redo stand in the line; below it they have their keys and the menu. */
const BACK_FITS = 1000;

/** The least width that leaves room for the model's size beside its name. */
const FACTS_FIT = 1600;

function modelName(cx: Context) {
  const { model } = cx.scene;
  const facts = modelFacts(model);
  const check = model.checks.passed
    ? cx.layout.width >= 1400
      ? "✓ checked"
      : "✓"
    : "✗ checks failed";
  return html`<div class="model"><h2 title=${model.name}>${model.name}</h2><span class="facts" title=${facts}>${cx.layout.width < FACTS_FIT ? nothing : facts}</span>
    ${model.checks.summary === "" ? nothing : html`<span class="check">${term("checks", check)}</span>`}</div>`;
}

function mode(cx: Context, path: boolean) {
  const on = (cx.state.draft !== undefined) === path;
  const missing = path && cx.state.saved;
  const use = path ? "choose a sender, then what receives from it (E)" : "patch what is clicked";
  const title = missing ? PATHS_NEED_PYTHON : use;
  return html`<button class="segment mode ${on ? "on" : ""}" aria-pressed=${on} aria-disabled=${missing ? "true" : nothing} data-mode=${path ? "path" : "patch"}
    title=${title} @click=${() => cx.act.pathMode(path)}>${path ? "Path" : "Patch"}</button>`;
}

function metrics(cx: Context) {
  const { metrics: all } = cx.scene;
  const change = (event: Event) => {
    if (event.target instanceof HTMLSelectElement) cx.act.metric(event.target.value);
  };
  const { label } = currentMetric(cx.state, cx.scene);
  return html`<select class="metric-select" aria-label="metric" title=${label} @change=${change}>${all.map(
    (m) =>
      html`<option value=${m.name} ?selected=${m.name === cx.state.metric}>${m.label}</option>`,
  )}</select>`;
}

function position(cx: Context) {
  const { state, scene, act } = cx;
  const label = scopeText(state, scene, cx.layout.wide ? "all positions" : "all");
  return html`<div class="chip" role="group" aria-label="position">
    <button title="previous position ( [ )" aria-label="previous position" @click=${() => act.stepPosition(-1)}>‹</button>
    <button class="where ${state.position === "all" ? "" : "on"}" title="all positions (A)" @click=${() => act.position("all")}>${label}</button>
    <button title="next position ( ] )" aria-label="next position" @click=${() => act.stepPosition(1)}>›</button></div>`;
}

function panelButton(cx: Context, panel: Panel, label: string, title: string) {
  const open = cx.state.panel === panel;
  return html`<button class="tool ${open ? "on" : ""}" title=${title} data-panel=${panel} aria-expanded=${open}
    @click=${() => cx.act.panel(open ? "none" : panel)}>${label}</button>`;
}

const CORNERS = "M1 4.5V1h3.5M8.5 1H12v3.5M12 8.5V12H8.5M4.5 12H1V8.5";

function fullScreen(cx: Context) {
  return html`<button class="tool full-screen" title="full screen (F)" aria-label="full screen" @click=${() => cx.act.fullScreen()}>
    <svg aria-hidden="true" width="13" height="13">${svg`<path d=${CORNERS}/>`}</svg></button>`;
}

function history(cx: Context) {
  const { state, act } = cx;
  const back = state.cursor > 0;
  const on = state.cursor + 1 < state.timeline.length;
  return html`<button class="tool" title="undo (Z)" aria-label="undo" ?disabled=${!back} @click=${() => act.undo()}>↶</button>
    <button class="tool" title="redo (Shift+Z)" aria-label="redo" ?disabled=${!on} @click=${() => act.redo()}>↷</button>`;
}

function clear(cx: Context) {
  const none = selectedPatches(cx.state).length === 0;
  return html`<button class="tool clear" title="patch nothing (Esc)" ?disabled=${none} @click=${() => cx.act.clear()}>Clear</button>`;
}

/** What goes into the menu where there is less room. */
function otherTools(cx: Context) {
  const { state, act } = cx;
  return html`<div class="buttons"><button class="tool keep" title="keep only these: everything else is ablated (C)" ?disabled=${selectedPatches(state).length === 0} @click=${() => act.keepOnly()}>Keep only</button>
    <button class="tool lens-switch" aria-pressed=${state.lens !== undefined} title="lens: the token that the stream would say, by layer (T)" @click=${() => act.stepLens()}>Lens</button>
    ${panelButton(cx, "site", "Site", "type a site (/)")}${panelButton(cx, "export", "Export", "this view as code, picture, table, page")}${panelButton(cx, "keys", "?", "keys (?)")}${fullScreen(cx)}</div>`;
}

/** What stands in the line and what in the menu under it, by how much room there is. */
export function toolbar(cx: Context) {
  const { compact, width } = cx.layout;
  const roomy = width >= ROOMY;
  const menu = roomy ? nothing : panelButton(cx, "menu", "⋯", "more");
  const numbers = html`${metrics(cx)}${position(cx)}`;
  const back = width >= BACK_FITS ? history(cx) : nothing;
  const line = compact
    ? menu
    : html`${numbers}<div class="buttons">${back}${clear(cx)}</div>${menu}`;
  const rest = html`${compact ? html`${numbers}<div class="buttons">${clear(cx)}</div>` : nothing}
    ${width >= BACK_FITS ? nothing : html`<div class="buttons">${history(cx)}</div>`}${otherTools(cx)}`;
  return html`<div class="toolbar" role="toolbar" aria-label="patchwidgets">${modelName(cx)}
    ${sourceSentence(cx)}
    <div class="segments" role="group" aria-label="mode">${mode(cx, false)}${mode(cx, true)}</div>
    ${line}${roomy ? otherTools(cx) : nothing}</div>
    ${cx.state.panel === "menu" && !roomy ? html`<div class="toolbar menu">${rest}</div>` : nothing}`;
}
