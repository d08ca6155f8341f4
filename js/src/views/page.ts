/** The whole explorer, top to bottom. A function of the state. */

import { html, nothing } from "lit-html";
import type { Context } from "../context";
import { columnsOf, differingColumns, tokenAt } from "../pure/counterparts";
import { LANES } from "../pure/geometry";
import { ribbonOf, tokenWidths } from "../pure/ribbon";
import { announcement, connectionWords } from "../pure/words";
import { foundOf, markedPositions } from "../select";
import type { State } from "../state";
import { answer } from "./answer";
import { arrows } from "./arrow";
import { axis, overview } from "./axis";
import { charts } from "./charts";
import { lane, type Prompts } from "./lane";
import { panels } from "./panels";
import { readout } from "./readout";
import { toolbar } from "./toolbar";

function prompts(cx: Context): Prompts {
  const { task } = cx.scene;
  const columns = columnsOf(task);
  const differs = differingColumns(columns, task.differs);
  const tokens = (["clean", "corrupted"] as const).map((prompt) =>
    columns.map((column) => tokenAt(task, prompt, column) ?? ""),
  );
  const widths = tokenWidths(tokens, differs);
  const room = cx.state.unfolded ? Number.POSITIVE_INFINITY : cx.layout.body;
  const marked = markedPositions(cx.state, cx.scene);
  const chosen = columns.flatMap(({ clean }, i) =>
    clean !== undefined && marked.has(clean) ? [i] : [],
  );
  return { columns, differs, widths, marked, pieces: ribbonOf(widths, differs, chosen, room) };
}

function lanes(cx: Context, focus: string) {
  const shown = prompts(cx);
  const hover = (event: PointerEvent) => {
    const cell = event.target instanceof Element ? event.target.closest("[data-site]") : null;
    cx.act.hover(cell?.getAttribute("data-site") ?? undefined);
  };
  const click = (event: MouseEvent) => {
    const cell = event.target instanceof Element ? event.target.closest("svg [data-site]") : null;
    const site = cell?.getAttribute("data-site");
    if (site) cx.act.patch(site, event.shiftKey);
  };
  return html`<div class="lanes" @click=${click} @pointerover=${hover} @pointerleave=${() => cx.act.hover(undefined)}>
    ${LANES.map((which) => lane(cx, which, shown, focus))}${arrows(cx)}</div>`;
}

function warnings(cx: Context) {
  const all = cx.scene.task.warnings;
  return all.length === 0
    ? nothing
    : html`<ul class="warnings">${all.map((text) => html`<li>${text}</li>`)}</ul>`;
}

/** The one sentence for assistive technology. */
function spoken(cx: Context): string {
  const found = foundOf(cx.state, cx.scene);
  return cx.state.problem?.message ?? (found === undefined ? "" : announcement(found));
}

export function page(cx: Context, focus: string) {
  return html`${toolbar(cx)}${warnings(cx)}${answer(cx)}${lanes(cx, focus)}${axis(cx)}${overview(cx)}${readout(cx, focus)}${panels(cx)}${charts(cx)}
    <div class="spoken" role="status" aria-live="polite">${spoken(cx)}</div>`;
}

/** Before the kernel has said anything. */
export function waiting(state: State) {
  const said = connectionWords(state.connection, undefined, undefined) ?? "Asking the kernel…";
  const problem = state.problem?.message;
  return html`<div class="answer"><div class="said-what"><p class="finding" data-status=${state.connection} role="status">${problem ?? said}</p></div></div>`;
}
