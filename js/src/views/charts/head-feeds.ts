/** What feeds a head, exactly, and how much of its effect is direct. */

import { html, nothing } from "lit-html";
import { type Direction, towardsClean } from "../../model/experiment";
import {
  type Effect,
  type FedPart,
  PARTS,
  type Part,
  type Sender,
  type SenderFacts,
} from "../../model/head";
import { samePatches } from "../../model/patch";
import { isolated } from "../../model/printable";
import { knownSenders, nPaths, waitsForClick } from "../../state/head";
import { currentMetric } from "../../state/selectors";
import { patchName } from "../../text/names";
import { effectNumber, percent } from "../../text/numbers";
import { ofPair } from "../../text/pairs";
import type { Context } from "../context";
import { walkRows } from "../rows";
import { term } from "../term";
import { missing, part } from "./head-part";

const READS: Readonly<Record<Part, string>> = { q: "queries", k: "keys", v: "values" };

/** The colour of the run towards which an effect moves the metric. */
function towards({ share, effect }: Effect, direction: Direction): string {
  const value = share ?? effect ?? 0;
  return towardsClean(value, direction) < 0 ? "corrupted" : "clean";
}

function bar(effect: Effect, direction: Direction, most: number) {
  const width = most > 0 ? (100 * Math.abs(effect.effect ?? 0)) / most : 0;
  return html`<span class="rbar"><i class=${towards(effect, direction)} .style="width:${width.toFixed(1)}%"></i></span>`;
}

function numbers(cx: Context, { effect, share }: Effect) {
  const metric = currentMetric(cx.state, cx.scene);
  return html`<span class="num">${effectNumber(effect, metric)}</span><span class="num share">${share === null ? "" : percent(share)}</span>`;
}

function senderRow(
  cx: Context,
  facts: SenderFacts,
  fed: FedPart,
  sender: Sender,
  most: number,
  first: boolean,
) {
  const path = `${sender.site} → ${fed.name}`;
  return html`<button class="rrow sender" tabindex=${first ? 0 : -1} data-sender=${sender.site} data-effect=${sender.effect ?? Number.NaN}
      title="patch the path ${path}"
      @click=${() => cx.act.patchPath(`${sender.site}->${fed.name}`)}
      @pointerenter=${() => cx.act.hover(sender.site)} @pointerleave=${() => cx.act.hover(undefined)}
    ><span class="mono">${isolated(sender.site)}</span>${bar(sender, facts.direction, most)}${numbers(cx, sender)}</button>`;
}

function senders(cx: Context, facts: SenderFacts) {
  const fed = facts.parts.find(({ part: name }) => name === cx.state.headPanel.part);
  if (fed === undefined) return nothing;
  if (fed.reason !== null) return html`<p class="none">${fed.reason}</p>`;
  const most = Math.max(...fed.senders.map(({ effect }) => Math.abs(effect ?? 0)));
  return html`<div class="rrows" role="group" aria-label="senders into ${fed.name ?? ""}" data-receiver=${fed.name ?? nothing} @keydown=${walkRows}>${fed.senders.map(
    (sender, i) => senderRow(cx, facts, fed, sender, most, i === 0),
  )}</div><p class="hint">Exact paths into <span class="mono">${fed.name}</span>, the ${fed.senders.length} strongest of ${fed.n}.</p>`;
}

function parts(cx: Context, facts: SenderFacts | undefined) {
  const chosen = cx.state.headPanel.part;
  const name = (which: Part) => facts?.parts.find(({ part: p }) => p === which)?.name ?? which;
  return html`<span class="switch" role="group" aria-label="read with">${PARTS.map(
    (
      which,
    ) => html`<button type="button" data-part=${which} aria-pressed=${which === chosen} title="into its ${READS[which]}, ${name(which)}"
      @click=${() => cx.act.headPanel({ part: which })}>${which}</button>`,
  )}</span>`;
}

function effectRow(
  cx: Context,
  facts: SenderFacts,
  name: string,
  label: unknown,
  effect: Effect,
  most: number,
) {
  return html`<div class="rrow plain" data-effect-of=${name} data-effect=${effect.effect ?? Number.NaN}>
    <span>${label}</span>${bar(effect, facts.direction, most)}${numbers(cx, effect)}</div>`;
}

/** The patch that is shown, if it is another one than the head alone. */
function shownPatch(
  cx: Context,
  facts: SenderFacts,
): (Effect & { readonly name: string }) | undefined {
  const { result, metric } = cx.state;
  const reading = result?.readings[metric];
  if (result === undefined || reading === undefined) return undefined;
  if (samePatches(result.patches, [{ site: facts.head, source: "source" }])) return undefined;
  const { effect, share } = reading;
  return { name: `now: ${patchName(result.patches, cx.scene.model)}`, effect, share };
}

/** The head patched alone, its direct path to the logits, and the patch that is shown. */
function effects(cx: Context, facts: SenderFacts) {
  const shown = shownPatch(cx, facts);
  const all = [facts.total, facts.direct, ...(shown === undefined ? [] : [shown])];
  const most = Math.max(...all.map(({ effect }) => Math.abs(effect ?? 0)));
  const row = (name: string, label: unknown, effect: Effect) =>
    effectRow(cx, facts, name, label, effect, most);
  return html`<div class="rrows effects">${row("total", term("total", "total"), facts.total)}${row("direct", term("direct", "direct"), facts.direct)}${
    shown === undefined ? nothing : row("patch", shown.name, shown)
  }</div>`;
}

function content(cx: Context) {
  const { fact, phase, message } = knownSenders(cx.state);
  const { head } = cx.state.headPanel;
  if (fact !== undefined)
    return html`${effects(cx, fact)}<h5>${term("fed", "Fed by")} ${parts(cx, fact)}</h5>${senders(cx, fact)}`;
  if (head === undefined) return nothing;
  const count = nPaths(head, cx.scene);
  if (waitsForClick(cx.state, cx.scene))
    return html`<p class="none">${count} exact paths lead into this head. <button @click=${() => cx.act.headPanel({ traced: head })}>Trace them</button></p>`;
  return missing(cx, "senders", phase, message, `Tracing ${count} exact paths into this head …`);
}

export function feeds(cx: Context) {
  return part("feeds", "Effect", `all positions${ofPair(cx.scene)}`, content(cx));
}
