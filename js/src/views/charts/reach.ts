/** Chart: what the patch reached. The residual stream over layers, and the five strongest components. */

import { html, nothing, svg } from "lit-html";
import { clamp, range } from "../../model/math";
import {
  firstPatchedLayer,
  furthestMoved,
  type ReachedComponent,
  streamMovement,
} from "../../model/reach";
import type { Result } from "../../model/result";
import { plainNumber } from "../../text/numbers";
import type { Context } from "../context";
import { shownSource } from "../shown-source";

const HEIGHT = 84;

const WIDTH = 300;

function profilePath(cx: Context, result: Result): { area: string; line: string } {
  const layers = cx.scene.model.n_layers;
  const x = (layer: number) => ((layer + 1) / layers) * WIDTH;
  const y = (along: number) => HEIGHT * (1 - clamp(along, -0.2, 1.08) / 1.1);
  const points = range(layers).map((layer) => {
    const along = streamMovement(result.reach, layer)?.along;
    return `${x(layer).toFixed(1)} ${y(along !== undefined && Number.isFinite(along) ? along : 0).toFixed(1)}`;
  });
  const line = `M0 ${y(0)}L${points.join("L")}`;
  return { line, area: `${line}L${WIDTH} ${y(0)}Z` };
}

function profile(cx: Context, result: Result) {
  const { area, line } = profilePath(cx, result);
  const at = ((firstPatchedLayer(result.patches) + 0.5) / cx.scene.model.n_layers) * WIDTH;
  const towards = shownSource(cx.state).towards;
  const tint = towards ?? "grey";
  const said =
    towards === undefined
      ? "How far the residual stream changed, by layer"
      : `How far the residual stream moved towards ${towards}, by layer`;
  return html`<div class="profile"><span class="y1">1</span><span class="y0">0</span>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
      aria-label=${said}>
      ${svg`<line class="grid-line" x1="0" x2=${WIDTH} y1=${HEIGHT * (1 - 1 / 1.1)} y2=${HEIGHT * (1 - 1 / 1.1)}/>
      <line class="grid-line" x1="0" x2=${WIDTH} y1=${HEIGHT} y2=${HEIGHT}/>
      <path class="area ${tint}" d=${area}/><path class="line ${tint}" d=${line}/>
      <line class="at" x1=${at} x2=${at} y1="0" y2=${HEIGHT}/>`}
    </svg><span class="x0">layer 0</span><span class="x1">${cx.scene.model.n_layers - 1}</span></div>`;
}

function row(cx: Context, r: ReachedComponent, towards: string, most: number) {
  const width = (Math.abs(r.along) / most) * 100;
  const kind = r.along < 0 ? "away" : towards;
  return html`<button class="rrow" tabindex="-1" @pointerenter=${() => cx.act.hover(r.site)} @pointerleave=${() => cx.act.hover(undefined)}
      @click=${(e: MouseEvent) => cx.act.patch(r.site, e.shiftKey)}>
    <span class="mono">${r.site}</span><span class="rbar"><i class=${kind} .style="width:${width.toFixed(1)}%"></i>${most > 1 ? html`<b .style="left:${(100 / most).toFixed(1)}%"></b>` : nothing}</span>
    <span class="num">${plainNumber(r.along)}</span></button>`;
}

export function reachChart(cx: Context) {
  const { result } = cx.state;
  if (result?.reach === undefined) {
    return html`<p class="none">Patch a box to see how far the residual stream and later components move towards the other run.</p>`;
  }
  const towards = shownSource(cx.state).towards ?? "grey";
  const top = furthestMoved(result, cx.scene.model, 5);
  const most = Math.max(1, ...top.map((r) => Math.abs(r.along)));
  return html`${profile(cx, result)}<div class="rrows">${top.map((r) => row(cx, r, towards, most))}</div>`;
}
