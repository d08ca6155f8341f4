/** The stepper of a dataset: one pair, or the mean. It switches every number, word and map at once. */

import { html, nothing } from "lit-html";
import { pairBesideMean, steppedPair } from "../state/pairs";
import { selectedPair } from "../state/selectors";
import { pairName } from "../text/pairs";
import type { Context } from "./context";

function step(cx: Context, by: -1 | 1) {
  const [name, sign, key] = by < 0 ? ["previous pair", "‹", ","] : ["next pair", "›", "."];
  const end = steppedPair(cx.state, by) === undefined;
  return html`<button type="button" aria-label=${name} title="${name} ( ${key} )" aria-disabled=${end}
    @click=${() => cx.act.stepPair(by)}>${sign}</button>`;
}

export function stepper(cx: Context) {
  const { n_pairs } = cx.scene.task;
  if (n_pairs < 2) return nothing;
  const pair = selectedPair(cx.state);
  const mean = pair === "mean";
  const one = mean ? pairBesideMean(cx.state) : pair;
  return html`<div class="chip stepper" role="group" aria-label="pair of the dataset" data-pair=${cx.scene.pair}>${step(cx, -1)}<button
      type="button" class="one ${mean ? "" : "on"}" aria-pressed=${!mean} title="w.pair = ${one}"
      @click=${() => cx.act.pair(one)}>${pairName(one, n_pairs)}</button><button
      type="button" class="mean ${mean ? "on" : ""}" aria-pressed=${mean} title="the mean of all ${n_pairs} pairs (M)"
      @click=${() => cx.act.pair("mean")}>mean</button>${step(cx, 1)}</div>`;
}
