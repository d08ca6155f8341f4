/** Chart: the neurons of the largest effect, of all MLPs or of one; a click patches. */

import { html, nothing } from "lit-html";
import { nearestCell } from "../../model/cell";
import { refusalReason, towardsClean } from "../../model/experiment";
import { currentMetric } from "../../state/selectors";
import { effectNumber, percent } from "../../text/numbers";
import { sentence } from "../../text/status";
import { again } from "../again";
import type { Context } from "../context";

/** All layers, or the layer of the cell that has the focus. */
export function neuronMenu(cx: Context) {
  const { focus, neuronLayer } = cx.state;
  const own = focus === undefined ? undefined : nearestCell(focus)?.layer;
  const layers = [...new Set([neuronLayer, own])].filter((l) => l !== null && l !== undefined);
  const change = (event: Event) => {
    if (event.target instanceof HTMLSelectElement)
      cx.act.neuronLayer(event.target.value === "" ? null : Number(event.target.value));
  };
  return html`<select class="mapped" aria-label="layer of the neurons" @change=${change}>
    <option value="" .selected=${neuronLayer === null}>all MLPs</option>${layers.map(
      (layer) =>
        html`<option value=${layer} .selected=${layer === neuronLayer}>L${layer}'s MLP</option>`,
    )}</select>`;
}

export function neuronsChart(cx: Context) {
  const { neurons } = cx.state;
  const refused = refusalReason(cx.scene, "neuron");
  const reason = refused ?? neurons?.reason;
  if (reason !== undefined)
    return html`<p class="none">No neurons: ${sentence(reason)} ${
      refused === undefined ? again(cx, () => cx.act.retryNeurons(), "Try again") : nothing
    }</p>`;
  const list = neurons?.list;
  if (list === undefined)
    return html`<p class="none" data-neurons="pending">Choosing neurons by their gradient, then patching each …</p>`;
  const metric = currentMetric(cx.state, cx.scene);
  const most = Math.max(1e-9, ...list.neurons.map(({ effect }) => Math.abs(effect ?? 0)));
  return html`<p class="neurons-note">The ${list.neurons.length} largest of ${list.of.toLocaleString("en")}, chosen by gradient; effects are exact.</p>
    <div class="rrows neurons" data-neurons="done">${list.neurons.map(
      ({ site, effect, share }) => html`<button class="rrow" data-site=${site}
        title=${share === null ? site : `${site}: ${percent(share)} of the difference`}
        @pointerenter=${() => cx.act.hover(site)} @pointerleave=${() => cx.act.hover(undefined)}
        @click=${(e: MouseEvent) => cx.act.patchCell(site, "total", e.shiftKey)}>
      <span class="mono">${site}</span><span class="rbar"><i class=${towardsClean(effect ?? 0, cx.state.direction) < 0 === metric.lower_is_better ? "clean" : "corrupted"} .style="width:${((Math.abs(effect ?? 0) / most) * 100).toFixed(1)}%"></i></span>
      <span class="num">${effect === null ? nothing : effectNumber(effect, metric)}</span></button>`,
    )}</div>`;
}
