/** Chart: circuit mode. What stays where only the selection is kept, and the curve over how many heads are kept. */

import { html, nothing, svg } from "lit-html";
import { CURVE, curveBand, curveLine, curveX, curveY } from "../../layout/curve";
import type { CircuitFacts, CurveFacts } from "../../model/circuit";
import { isolated } from "../../model/printable";
import { circuitRequest, knownCircuit, knownCurve } from "../../state/circuit";
import { strongestNext } from "../../state/strongest";
import { curveLabel, keepCaption, keepSentence, NO_CIRCUIT } from "../../text/circuit";
import { percent } from "../../text/numbers";
import { CIRCUITS_NEED_PYTHON } from "../../text/saved";
import { sentence } from "../../text/status";
import { again } from "../again";
import type { Context } from "../context";

function said(facts: CircuitFacts, stale: boolean) {
  if (facts.faithfulness === null)
    return html`<p class="kept">${sentence(facts.reason ?? "undefined")}</p>`;
  return html`<p class="kept ${stale ? "stale" : ""}" data-faithfulness=${facts.faithfulness} data-low=${facts.random.low ?? nothing} data-high=${facts.random.high ?? nothing}
      data-members=${facts.sites.join(" + ")}>${keepSentence(facts)}</p>
    <p class="caption">${keepCaption(facts)}</p>`;
}

function answer(cx: Context) {
  if (cx.state.saved) return html`<p class="none">${CIRCUITS_NEED_PYTHON}</p>`;
  if (circuitRequest(cx.state) === undefined) return html`<p class="none">${NO_CIRCUIT}</p>`;
  const { fact, stale, phase, message } = knownCircuit(cx.state);
  const button = again(cx, () => cx.act.askAgain("circuit"));
  if (phase === "failed") return html`<p class="kept">${sentence(message)} ${button}</p>`;
  if (phase === "dropped") return html`<p class="kept">Stopped before it was done. ${button}</p>`;
  return fact === undefined
    ? html`<p class="kept">Running the selection alone …</p>`
    : said(fact, stale);
}

/** The selection on the curve: how many it has, and what stays. */
function own(cx: Context, total: number) {
  const { fact, stale } = knownCircuit(cx.state);
  if (fact === undefined || stale || fact.faithfulness === null) return nothing;
  const [x, y] = [curveX(fact.sites.length, total), curveY(fact.faithfulness)];
  return svg`<circle class="own" cx=${x} cy=${y} r="4"><title>the selection: ${percent(fact.faithfulness)}</title></circle>`;
}

function drawing(cx: Context, { points, total }: CurveFacts) {
  const { width, height } = CURVE;
  const grid = [0, 1].map(
    (
      share,
    ) => svg`<line class="grid-line" x1="0" x2=${width} y1=${curveY(share)} y2=${curveY(share)}/>
      <text x="-4" y=${curveY(share) + 4} text-anchor="end">${share * 100} %</text>`,
  );
  const ticks = points
    .filter(({ n }, i) => n === total || i === 0 || /^1|^2$|^5$/.test(String(n)))
    .filter(({ n }) => n === total || curveX(n, total) < width - 26);
  return html`<svg class="curve" role="img" aria-label=${curveLabel(total)} viewBox="-34 -4 ${width + 44} ${height + 32}">
    ${grid}<path class="band" d=${curveBand(points, total)}/><path class="line" d=${curveLine(points, total)}/>
    ${points.map(({ n, faithfulness }) =>
      faithfulness === null
        ? nothing
        : svg`<circle class="point" data-n=${n} data-faithfulness=${faithfulness} cx=${curveX(n, total)} cy=${curveY(faithfulness)} r="2.5"><title>${n} heads: ${percent(faithfulness)}</title></circle>`,
    )}${own(cx, total)}
    ${ticks.map(({ n }) => svg`<text x=${curveX(n, total)} y=${height + 12} text-anchor="middle">${n}</text>`)}
    <text class="axis-name" x=${width} y=${height + 26} text-anchor="end">heads kept, the strongest first; grey: random ones</text></svg>`;
}

function curve(cx: Context) {
  const { fact, phase, message } = knownCurve(cx.state);
  if (fact !== undefined)
    return fact.reason === null
      ? drawing(cx, fact)
      : html`<p class="caption">${sentence(fact.reason)}</p>`;
  if (!cx.state.curve)
    return html`<button class="tool curve-button" ?disabled=${cx.state.saved} @click=${() => cx.act.drawCurve()} title="faithfulness over how many heads are kept, beside random ones; takes some hundred passes">Draw the curve over heads</button>`;
  if (phase !== "failed" && phase !== "dropped")
    return html`<p class="caption" role="status">Keeping 1, 2, 5, … heads, each beside random ones …</p>`;
  const what = phase === "failed" ? sentence(message) : "Stopped before it was done.";
  return html`<p class="caption">${what} ${again(cx, () => cx.act.askAgain("curve"))}</p>`;
}

export function circuitChart(cx: Context) {
  const next = strongestNext(cx.state, cx.scene);
  const { fact, stale } = knownCircuit(cx.state);
  const code = fact === undefined || stale || cx.state.saved ? undefined : fact.code;
  return html`<div class="circuit" aria-live="polite">${answer(cx)}
    <div class="buttons"><button class="tool add" ?disabled=${next === undefined || cx.state.saved} title="add the head with the largest effect that is not in it (+)" @click=${() => cx.act.addStrongest()}>Add ${next === undefined ? "the strongest" : isolated(next)}</button>
    <button class="tool" ?disabled=${code === undefined} title="as pw.Circuit, in lines of Python" @click=${() => cx.act.copy(code ?? "")}>Copy code</button></div>
    ${curve(cx)}</div>`;
}
