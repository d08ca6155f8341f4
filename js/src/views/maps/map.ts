/** The two map charts: their progress, their colour scale, and why nothing can be drawn. */

import { html, nothing } from "lit-html";
import { mapRange, palette } from "../../layout/map-colours";
import { hostOf, refusalReason } from "../../model/experiment";
import { isComplete, type MapName, mapLook } from "../../model/map";
import { isolated } from "../../model/printable";
import { fitsBoxes } from "../../model/source";
import { type MapView, mapView } from "../../state/maps";
import { currentMetric } from "../../state/selectors";
import { undefinedRecovery } from "../../text/finding";
import { estimateSentence, sweepSentence } from "../../text/map-status";
import { scaleWords } from "../../text/scale";
import { NO_NOISE_MAP } from "../../text/source";
import { refusalSentence, sentence } from "../../text/status";
import { again } from "../again";
import type { Context } from "../context";
import { switchOf } from "../switch";
import { term } from "../term";
import { heatmap } from "./heatmap";

function mapOf(cx: Context, name: MapName): MapView {
  return mapView(cx.state, cx.scene, cx.layout, name);
}

function complete({ data }: MapView): boolean {
  return data !== undefined && isComplete(data);
}

function sweepButton(cx: Context, map: MapView) {
  const { phase } = cx.state.sweep;
  if (complete(map) || !cx.scene.can_sweep) return nothing;
  if (phase === "running") return html`<button @click=${() => cx.act.stopSweep()}>Stop</button>`;
  if (phase === "stopped" || phase === "failed")
    return again(cx, () => cx.act.continueSweep(), phase === "failed" ? "Try again" : "Continue");
  return nothing;
}

/** What the cells print and the scale says. The colours are the same: an effect is a share of one difference. */
function unitSwitch(cx: Context) {
  const values = [
    ["share", "share"],
    ["effect", "effect"],
  ] as const;
  return switchOf("numbers of the maps", values, cx.state.unit, (unit) => cx.act.unit(unit));
}

/** The line under the title: how far the map is, and how to stop or continue. */
export function mapNote(cx: Context, name: MapName) {
  const map = mapOf(cx, name);
  const { phase, message } = cx.state.sweep;
  const estimate = { shown: map.estimate !== undefined, score: map.score };
  const said =
    map.field === "estimate" && phase !== "failed"
      ? estimateSentence(phase, map.data, map.score)
      : sweepSentence(phase, map.data, message, estimate);
  // Each sentence is an element: one that has no room is hidden whole.
  const sentences = said.split(/(?<=\.) /);
  return html`<div class="map-line"><div class="map-note" data-sweep=${complete(map) ? "done" : phase}><span class="said-so-far" title=${said}>${sentences.map((s) => html`<span>${s} </span>`)}</span> ${sweepButton(cx, map)}</div>${unitSwitch(cx)}</div>`;
}

/** The colour bar: its ends in the numbers that the cells print, and how far it reaches if that is not all the way. */
function scaleBar(cx: Context, map: MapView) {
  const { state, scene } = cx;
  const range = mapRange(map.data);
  const colours = palette(state.theme, map.grey);
  const stops = Array.from({ length: 9 }, (_, i) => colours[i * 25] ?? "").join(",");
  const { runs } = scene;
  const metric = currentMetric(state, scene);
  const said = scaleWords(range, { unit: state.unit, direction: map.direction, metric, runs });
  const host = hostOf(map.direction);
  const [lost, gained] = map.grey ? ["dark", "green"] : ["orange", "blue"];
  return html`<div class="scale"><span role="img" aria-label="Colours: ${lost} moved towards corrupted, ${said.corrupted}; ${gained} towards clean, ${said.clean} ${said.unit}; neutral is the ${host} run unchanged">
    <span><span class="towards">towards </span>corrupted</span> <span>${said.corrupted}</span> <i .style="background:linear-gradient(to right,${stops})"></i><span>${said.clean}</span>
    <span><span class="towards">towards </span>clean</span>${state.unit === "effect" && said.unit !== "" ? html` <span class="unit">(${isolated(said.unit)})</span>` : nothing}</span>${range < 1 ? term("range", html`<b>range ±${said.range}</b>`) : nothing}</div>`;
}

/** Why nothing can be drawn; undefined if something can. */
function emptyReason(cx: Context, map: MapView): string | undefined {
  const reason = refusalReason(cx.scene, map.component);
  if (reason !== undefined)
    return refusalSentence(map.across === "head" ? "heads" : map.component, reason);
  if (!fitsBoxes(cx.state.source)) return NO_NOISE_MAP;
  const { data } = map;
  if (data?.reason !== undefined)
    return `${cx.state.saved ? "" : "No such map: "}${sentence(data.reason)}`;
  if (data === undefined || data.done < data.total || data.total === 0) return undefined;
  for (let i = 0; i < data.share.length; i++) {
    if (mapLook(data, i) !== "undefined") return undefined;
  }
  return undefinedRecovery(cx.scene.runs, currentMetric(cx.state, cx.scene), null);
}

/** Where a component has no such effect, one that has. */
function otherComponent(cx: Context, map: MapView) {
  if (map.data?.reason === undefined || map.name === "heads") return nothing;
  if (map.component === "mlp_out" || refusalReason(cx.scene, "mlp_out") !== undefined)
    return nothing;
  return html`<button @click=${() => cx.act.mapComponent("mlp_out")}>Show mlp_out</button>`;
}

export function mapChart(cx: Context, name: MapName) {
  const map = mapOf(cx, name);
  const reason = emptyReason(cx, map);
  if (reason !== undefined) return html`<p class="none">${reason} ${otherComponent(cx, map)}</p>`;
  return html`<div class="map" data-map=${name} data-field=${map.field}>${heatmap(cx, map)}${scaleBar(cx, map)}</div>`;
}
