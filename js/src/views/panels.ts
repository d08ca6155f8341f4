/** What opens under the lanes: the site box, the exports, the keys. In the page, never over it. */

import { html, nothing } from "lit-html";
import { KEY_HELP } from "../actions/keymap";
import { problemSentence } from "../text/status";
import type { Context } from "./context";
import { exportPanel } from "./export";

function siteBox(cx: Context) {
  const patch = (form: Element | null) => {
    const text = form?.querySelector("input")?.value.trim() ?? "";
    if (text !== "") cx.act.patchTyped(text);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (event.currentTarget instanceof Element) patch(event.currentTarget);
  };
  // In JupyterLab, Enter in an input does not submit its form.
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.target instanceof Element)) return;
    event.preventDefault();
    patch(event.target.closest("form"));
  };
  const { problem, typed } = cx.state;
  const failed = problem !== undefined && typed === undefined;
  return html`<form class="panel site-box" @submit=${submit} @keydown=${enter}>
    <label for="${cx.id}-site">Site</label>
    <input id="${cx.id}-site" type="text" placeholder="L9.H6   L26.N1262@-1   L20.H0 -> L23.H3.q" autocomplete="off" spellcheck="false"
      aria-invalid=${failed} aria-describedby="${cx.id}-site-hint">
    <button type="submit">Patch</button><span class="hint" id="${cx.id}-site-hint">${
      failed
        ? problemSentence(problem)
        : "Join sites with + to patch them together; -> makes a path."
    }</span>${close(cx)}</form>`;
}

/** The button that opened a panel may stand in a menu that it closed. */
function close(cx: Context) {
  return html`<button type="button" class="close" aria-label="close" title="close (Esc)" @click=${() => cx.act.panel("none")}>×</button>`;
}

function keys(cx: Context) {
  return html`<div class="panel keys"><dl>${KEY_HELP.map(
    ([key, what]) => html`<div><dt>${key}</dt><dd>${what}</dd></div>`,
  )}</dl>${close(cx)}</div>`;
}

export function panels(cx: Context) {
  switch (cx.state.panel) {
    case "site":
      return siteBox(cx);
    case "export":
      return exportPanel(cx, close(cx));
    case "keys":
      return keys(cx);
    default:
      return nothing;
  }
}
