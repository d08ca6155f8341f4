/** The whole explorer, from top to bottom. */

import { html, nothing } from "lit-html";
import { currentFinding } from "../state/selectors";
import type { State } from "../state/state";
import { announcement } from "../text/finding";
import { pairName } from "../text/pairs";
import { connectionSentence } from "../text/status";
import { charts } from "./charts/charts";
import { compare, spokenPins } from "./compare";
import type { Context } from "./context";
import { editor } from "./editor";
import { findingStrip } from "./finding";
import { lanes } from "./lanes/lanes";
import { lensLine } from "./lanes/lens";
import { overview } from "./lanes/overview";
import { panels } from "./panels";
import { readout } from "./readout";
import { toolbar } from "./toolbar";

function warnings(cx: Context) {
  const all = cx.scene.task.warnings;
  return all.length === 0
    ? nothing
    : html`<ul class="warnings">${all.map((text) => html`<li>${text}</li>`)}</ul>`;
}

/** The sentence that assistive technology reads out. */
function spoken(cx: Context): string {
  const found = currentFinding(cx.state, cx.scene);
  const { pair, task } = cx.scene;
  const scope = task.n_pairs > 1 ? `Showing ${pairName(pair, task.n_pairs)}.` : "";
  return (
    cx.state.problem?.message ??
    `${found === undefined ? scope : announcement(found)}${spokenPins(cx)}`
  );
}

export function explorer(cx: Context, focus: string) {
  return html`${toolbar(cx)}${warnings(cx)}${findingStrip(cx)}${editor(cx)}${compare(cx)}<div class="picture" ?inert=${cx.state.editing !== undefined}>${lanes(cx, focus)}${overview(cx)}${readout(cx, focus)}${lensLine(cx)}${panels(cx)}${charts(cx)}</div>
    <div class="spoken" role="status" aria-live="polite">${spoken(cx)}</div>`;
}

/** What is shown before the kernel has answered. */
export function connecting(state: State) {
  const said = connectionSentence(state.connection, undefined, undefined) ?? "Asking the kernel…";
  const problem = state.problem?.message;
  return html`<div class="answer"><div class="said-what"><p class="finding" data-status=${state.connection} role="status">${problem ?? said}</p></div></div>`;
}
