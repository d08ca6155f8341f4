/** The two map charts: their titles, their progress, their colour scale. */

import { html, nothing } from "lit-html";
import { mapRange, palette } from "../../layout/map-colours";
import { hostOf, refusalReason } from "../../model/experiment";
import { isComplete, type MapName, mapLook } from "../../model/map";
import { MAP_COMPONENTS, type MapView, mapView } from "../../state/maps";
import { currentMetric } from "../../state/selectors";
import { undefinedRecovery } from "../../text/finding";
import { sweepSentence } from "../../text/map-status";
import { plainNumber } from "../../text/numbers";
import { refusalSentence } from "../../text/status";
import type { Context } from "../context";
import { heatmap } from "./heatmap";

function mapOf(cx: Context, name: MapName): MapView {
  return mapView(cx.state, cx.scene, cx.layout, name);
}

export function componentSelect(cx: Context) {
  const { scene, state } = cx;
  const known = MAP_COMPONENTS.filter((name) => refusalReason(scene, name) === undefined);
  const change = (event: Event) => {
    if (event.target instanceof HTMLSelectElement) cx.act.mapComponent(event.target.value);
  };
  return html`<select class="mapped" aria-label="component of the map" @change=${change}>${known.map(
    (name) => html`<option value=${name} ?selected=${name === state.mapComponent}>${name}</option>`,
  )}</select>`;
}

function complete({ data }: MapView): boolean {
  return data !== undefined && isComplete(data);
}

function sweepButton(cx: Context, map: MapView) {
  const { phase } = cx.state.sweep;
  if (complete(map) || !cx.scene.can_sweep) return nothing;
  if (phase === "running") return html`<button @click=${() => cx.act.stopSweep()}>Stop</button>`;
  if (phase === "stopped" || phase === "failed")
    return html`<button @click=${() => cx.act.continueSweep()}>${phase === "failed" ? "Try again" : "Continue"}</button>`;
  return nothing;
}

/** The line under the title: how far the map is, and how to stop or continue. */
export function mapNote(cx: Context, name: MapName) {
  const map = mapOf(cx, name);
  const { phase, message } = cx.state.sweep;
  const said = sweepSentence(phase, map.data, message);
  // Each sentence is an element: one that has no room is hidden whole.
  const sentences = said.split(/(?<=\.) /);
  return html`<div class="map-note" data-sweep=${complete(map) ? "done" : phase}><span class="said-so-far" title=${said}>${sentences.map((s) => html`<span>${s} </span>`)}</span> ${sweepButton(cx, map)}</div>`;
}

/** The colour bar with its numbers; it names a range narrower than ±1. */
function scaleBar(cx: Context, map: MapView) {
  const range = mapRange(map.data);
  const colours = palette(cx.state.theme);
  const stops = Array.from({ length: 9 }, (_, i) => colours[i * 25] ?? "").join(",");
  const shown = plainNumber(range).replace(/0+$/, "").replace(/\.$/, "");
  const host = hostOf(map.direction);
  return html`<div class="scale" role="img" aria-label="Colours: orange moved towards corrupted, blue towards clean, up to ${shown} of the difference; neutral is the ${host} run unchanged">
    <span><span class="towards">towards </span>corrupted</span> <span>−${shown}</span> <i .style="background:linear-gradient(to right,${stops})"></i><span>+${shown}</span>
    <span><span class="towards">towards </span>clean</span>${range < 1 ? html`<b>range ±${shown}</b>` : nothing}</div>`;
}

/** Why nothing can be drawn; undefined if something can. */
function emptyReason(cx: Context, map: MapView): string | undefined {
  const reason = refusalReason(cx.scene, map.component);
  if (reason !== undefined)
    return refusalSentence(map.across === "head" ? "heads" : map.component, reason);
  const { data } = map;
  if (data === undefined || data.done < data.total || data.total === 0) return undefined;
  for (let i = 0; i < data.share.length; i++) {
    if (mapLook(data, i) !== "undefined") return undefined;
  }
  return undefinedRecovery(cx.scene.runs, currentMetric(cx.state, cx.scene), null);
}

export function mapChart(cx: Context, name: MapName) {
  const map = mapOf(cx, name);
  const reason = emptyReason(cx, map);
  if (reason !== undefined) return html`<p class="none">${reason}</p>`;
  return html`<div class="map" data-map=${name}>${heatmap(cx, map)}${scaleBar(cx, map)}</div>`;
}
