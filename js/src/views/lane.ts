/** One run of the model as a lane: name, tokens, cells on the residual stream, what it says. */

import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import type { Context } from "../context";
import type { Lane } from "../protocol";
import { baseOf, cellName, cellOf, hostCell } from "../pure/sites";
import { hostOf, nameOf, sourceOf } from "../pure/words";
import { knownReadings, metricOf } from "../select";
import { shownDirection } from "../state";
import { cells } from "./cells";
import { outputs, outputsLine } from "./outputs";
import { type RibbonData, ribbon } from "./ribbon";
import { rings } from "./rings";
import { stream } from "./stream";

const NAMES = { clean: "Clean", patched: "Patched", corrupted: "Corrupted" } as const;

function role(cx: Context, lane: Lane) {
  const { state, scene } = cx;
  const host = hostOf(shownDirection(state));
  const pair = scene.task.n_pairs > 1 ? `, pair 1 of ${scene.task.n_pairs}` : "";
  if (lane === host) return `host${pair}`;
  if (lane !== "patched") return `source${pair}`;
  if (state.result === undefined) return `${host} prompt, nothing patched yet`;
  const name = nameOf(state.result.patches, scene.model);
  return html`${host} prompt with ${sourceOf(shownDirection(state))} <b class="what">${name}</b>`;
}

function patchedCells(cx: Context): { all: ReadonlySet<string>; parts: ReadonlySet<string> } {
  const all = new Set<string>();
  const parts = new Set<string>();
  for (const { site } of cx.state.result?.patches ?? []) {
    const cell = hostCell(site);
    if (cell === undefined) continue;
    all.add(cellName(cell));
    if (cellOf(baseOf(site)) === undefined) parts.add(cellName(cell));
  }
  return { all, parts };
}

function drawing(cx: Context, lane: Lane, focus: string) {
  const { state, layout } = cx;
  const { body } = layout;
  const height = layout.lanes[lane].svgHeight;
  const own = lane === "patched";
  const changes = own ? [state.result, state.entries, state.metric, focus] : [];
  const content = guard([cx.scene, layout, shownDirection(state), ...changes], () => {
    const { all, parts } = patchedCells(cx);
    const metric = metricOf(state, cx.scene);
    const known = knownReadings(state, metric.name);
    return [stream(cx, lane), cells(cx, { lane, patched: all, parts, known, metric, focus })];
  });
  const label = own ? "Components of the model: rows are layers" : `The ${lane} run's components`;
  return own
    ? html`<svg class="cells ${state.answered % 2 === 0 ? "wave-a" : "wave-b"}" role="grid" aria-label=${label}
        width=${body + 4} height=${height}>${content}${rings(cx, lane, focus)}</svg>`
    : html`<svg class="cells" role="img" aria-label=${label} width=${body + 4} height=${height}>${content}${rings(cx, lane, focus)}</svg>`;
}

/** What the three ribbons have in common. */
export type Prompts = Omit<RibbonData, "lane" | "prompt">;

export function lane(cx: Context, which: Lane, prompts: Prompts, focus: string) {
  const { layout, state } = cx;
  const host = hostOf(shownDirection(state));
  const prompt = which === "patched" ? host : which;
  const tint = which === "patched" ? `host-${host}` : "";
  const name = html`<h3>${NAMES[which]}</h3>`;
  return html`<section class="lane ${which} ${tint}" data-run=${which} aria-label="${NAMES[which]} run"
      style="height:${layout.lanes[which].height}px">
    ${layout.wide ? html`<div class="gutter">${name}<p>${role(cx, which)}</p></div>` : nothing}
    <div class="body">
      ${layout.wide ? nothing : html`<div class="lane-head">${name}<span class="role">${role(cx, which)}</span>${outputsLine(cx, which)}</div>`}
      ${ribbon(cx, { lane: which, prompt, ...prompts })}
      ${drawing(cx, which, focus)}
    </div>
    ${layout.wide ? outputs(cx, which) : nothing}
  </section>`;
}
