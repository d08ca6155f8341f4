/** One run of the model as a lane: name, tokens, cells, output. */

import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { cellName, exactCell, nearestCell } from "../../model/cell";
import { hostOf, type Lane } from "../../model/experiment";
import { isFrozen, onlyAblates } from "../../model/patch";
import { withoutPosition } from "../../model/site";
import { isAblation } from "../../model/source";
import { knownLens } from "../../state/head";
import { shownDirection } from "../../state/selectors";
import { allCut } from "../../text/cut";
import { patchName } from "../../text/names";
import { ofPair } from "../../text/pairs";
import { type Context, waveClass } from "../context";
import { pencil } from "../pencil";
import { shownSource } from "../shown-source";
import { term } from "../term";
import { cells } from "./cells";
import { laneRings } from "./highlights";
import { legend } from "./legend";
import { lensBeads } from "./lens";
import { outputs, outputsLine } from "./outputs";
import type { PatchedCells } from "./reach-marks";
import { residualStream } from "./residual-stream";
import { layerNumbers, rowNames } from "./row-names";
import { slimCells } from "./slim";
import { type TokenRowData, tokenRow } from "./tokens";

const NAMES = { clean: "Clean", patched: "Patched", corrupted: "Corrupted" } as const;

function role(cx: Context, lane: Lane) {
  const { state, scene } = cx;
  const host = hostOf(shownDirection(state));
  const pair = ofPair(scene);
  if (lane === host) return html`${term("host", "host")}${pair}`;
  const patches = state.result?.patches ?? [];
  const unused = state.result === undefined ? isAblation(state.source) : onlyAblates(patches);
  if (lane !== "patched")
    return unused ? `unpatched${pair}` : html`${term("source", "source")}${pair}`;
  if (state.result === undefined) return `${host} prompt, nothing patched yet`;
  const name = patchName(state.result.patches, scene.model);
  const cut = allCut(state.result.patches);
  const source = cut ? "cut" : shownSource(state).own;
  // In one line, what is patched stands first: the end may have no room.
  if (!cx.layout.sides)
    return html`${source} <b class="what">${name}</b> in the ${term("patched", `${host} prompt`)}`;
  const change = cut ? "without" : `with ${source}`;
  return html`${term("patched", `${host} prompt`)} ${change} <b class="what">${name}</b>`;
}

function patchedCells(cx: Context): PatchedCells {
  const all = new Set<string>();
  const partly = new Set<string>();
  const frozen = new Set<string>();
  for (const patch of cx.state.result?.patches ?? []) {
    const { site } = patch;
    const cell = nearestCell(site);
    if (cell === undefined) continue;
    all.add(cellName(cell));
    if (exactCell(withoutPosition(site)) === undefined) partly.add(cellName(cell));
    else if (isFrozen(patch)) frozen.add(cellName(cell));
  }
  return { all, partly, frozen };
}

/** The lane's name. That of a lane which may be slim shows its boxes, or hides them again. */
function heading(cx: Context, lane: Lane) {
  if (lane === "patched") return html`<h3>${NAMES[lane]}</h3>`;
  const { full } = cx.layout;
  return html`<h3><button type="button" class="unfold" data-lanes=${full ? "full" : "slim"} aria-expanded=${full}
    title="${full ? "hide" : "show"} the boxes of the clean and the corrupted run (L)" @click=${() => cx.act.lanesFull()}>${NAMES[lane]}</button></h3>`;
}

function drawing(cx: Context, lane: Lane, focus: string) {
  const { state, scene, layout } = cx;
  const { body } = layout;
  const { full, svgHeight: height } = layout.lanes[lane];
  const own = lane === "patched";
  const lens = own ? knownLens(state, cx.scene).fact : undefined;
  const asked = state.saved ? [state.position, state.source, state.direction, scene.pair] : [];
  const changes = own ? [state.result, focus, lens, ...asked] : [];
  const content = guard([cx.scene, layout, shownDirection(state), ...changes], () => {
    const patched = patchedCells(cx);
    const boxes = full ? cells(cx, { lane, patched, focus }) : slimCells(cx, lane);
    return [residualStream(cx, lane), boxes];
  });
  const label = own ? "Components of the model: rows are layers" : `The ${lane} run's components`;
  const around = [layerNumbers(cx, lane), rowNames(cx, lane)];
  const rings = [lensBeads(cx, lane), laneRings(cx, lane, focus)];
  return own
    ? html`<svg class="cells ${waveClass(cx)}" role="grid" aria-label=${label}
        width=${body + 4} height=${height}>${around}${content}${rings}</svg>`
    : html`<svg class="cells" role="img" aria-label=${label} width=${body + 4} height=${height}>${around}${content}${rings}</svg>`;
}

/** What the token rows of the three lanes have in common. */
export type TokenRows = Omit<TokenRowData, "lane" | "prompt">;

export function lane(cx: Context, which: Lane, rows: TokenRows, focus: string) {
  const { layout, state } = cx;
  const host = hostOf(shownDirection(state));
  const prompt = which === "patched" ? host : which;
  const grey = onlyAblates(state.result?.patches ?? []) ? "ablated" : "";
  const tint = which === "patched" ? `host-${host} ${grey}` : "";
  const name = html`<span class="lane-name">${heading(cx, which)}${pencil(cx, which)}</span>`;
  const kind = layout.lanes[which].full ? "full" : "slim";
  return html`<section class="lane ${which} ${kind} ${tint}" data-run=${which} aria-label="${NAMES[which]} run"
      .style="height:${layout.lanes[which].height}px">
    ${layout.sides ? html`<div class="gutter">${name}<p>${role(cx, which)}</p>${which === "patched" ? legend(cx) : nothing}</div>` : nothing}
    <div class="body">
      ${layout.sides ? nothing : html`<div class="lane-head">${name}<span class="role">${role(cx, which)}</span>${outputsLine(cx, which)}</div>`}
      ${tokenRow(cx, { lane: which, prompt, ...rows })}
      ${drawing(cx, which, focus)}
    </div>
    ${layout.sides ? outputs(cx, which) : nothing}
  </section>`;
}
