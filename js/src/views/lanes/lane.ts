/** One run of the model as a lane: name, tokens, cells, output. */

import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { cellName, exactCell, nearestCell } from "../../model/cell";
import { hostOf, type Lane, sourceOf } from "../../model/experiment";
import { withoutPosition } from "../../model/site";
import { currentMetric, knownReadings, shownDirection } from "../../state/selectors";
import { patchName } from "../../text/names";
import { type Context, waveClass } from "../context";
import { cells } from "./cells";
import { laneRings } from "./highlights";
import { outputs, outputsLine } from "./outputs";
import type { PatchedCells } from "./reach-marks";
import { residualStream } from "./residual-stream";
import { type TokenRowData, tokenRow } from "./tokens";

const NAMES = { clean: "Clean", patched: "Patched", corrupted: "Corrupted" } as const;

function role(cx: Context, lane: Lane) {
  const { state, scene } = cx;
  const host = hostOf(shownDirection(state));
  const pair = scene.task.n_pairs > 1 ? `, pair 1 of ${scene.task.n_pairs}` : "";
  if (lane === host) return `host${pair}`;
  if (lane !== "patched") return `source${pair}`;
  if (state.result === undefined) return `${host} prompt, nothing patched yet`;
  const name = patchName(state.result.patches, scene.model);
  return html`${host} prompt with ${sourceOf(shownDirection(state))} <b class="what">${name}</b>`;
}

function patchedCells(cx: Context): PatchedCells {
  const all = new Set<string>();
  const partly = new Set<string>();
  for (const { site } of cx.state.result?.patches ?? []) {
    const cell = nearestCell(site);
    if (cell === undefined) continue;
    all.add(cellName(cell));
    if (exactCell(withoutPosition(site)) === undefined) partly.add(cellName(cell));
  }
  return { all, partly };
}

function drawing(cx: Context, lane: Lane, focus: string) {
  const { state, layout } = cx;
  const { body } = layout;
  const height = layout.lanes[lane].svgHeight;
  const own = lane === "patched";
  const changes = own ? [state.result, state.entries, state.metric, focus] : [];
  const content = guard([cx.scene, layout, shownDirection(state), ...changes], () => {
    const patched = patchedCells(cx);
    const metric = currentMetric(state, cx.scene);
    const known = knownReadings(state, metric.name);
    return [residualStream(cx, lane), cells(cx, { lane, patched, known, metric, focus })];
  });
  const label = own ? "Components of the model: rows are layers" : `The ${lane} run's components`;
  return own
    ? html`<svg class="cells ${waveClass(cx)}" role="grid" aria-label=${label}
        width=${body + 4} height=${height}>${content}${laneRings(cx, lane, focus)}</svg>`
    : html`<svg class="cells" role="img" aria-label=${label} width=${body + 4} height=${height}>${content}${laneRings(cx, lane, focus)}</svg>`;
}

/** What the token rows of the three lanes have in common. */
export type TokenRows = Omit<TokenRowData, "lane" | "prompt">;

export function lane(cx: Context, which: Lane, rows: TokenRows, focus: string) {
  const { layout, state } = cx;
  const host = hostOf(shownDirection(state));
  const prompt = which === "patched" ? host : which;
  const tint = which === "patched" ? `host-${host}` : "";
  const name = html`<h3>${NAMES[which]}</h3>`;
  return html`<section class="lane ${which} ${tint}" data-run=${which} aria-label="${NAMES[which]} run"
      .style="height:${layout.lanes[which].height}px">
    ${layout.wide ? html`<div class="gutter">${name}<p>${role(cx, which)}</p></div>` : nothing}
    <div class="body">
      ${layout.wide ? nothing : html`<div class="lane-head">${name}<span class="role">${role(cx, which)}</span>${outputsLine(cx, which)}</div>`}
      ${tokenRow(cx, { lane: which, prompt, ...rows })}
      ${drawing(cx, which, focus)}
    </div>
    ${layout.wide ? outputs(cx, which) : nothing}
  </section>`;
}
