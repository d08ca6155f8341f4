/** The attention of a head: a row of bars for each key that the chosen query sees, or whole patterns. */

import { html, nothing } from "lit-html";
import { attentionAt, type KeyRow, keyRows, type Values } from "../../layout/attention";
import { tokenInColumn } from "../../model/counterparts";
import { hostOf, type Lane } from "../../model/experiment";
import type { HeadFacts } from "../../model/head";
import { canCut, knownHead, readPosition } from "../../state/head";
import { hoveredPosition, shownDirection } from "../../state/selectors";
import { percent } from "../../text/numbers";
import { ofPair } from "../../text/pairs";
import { shortToken, tokenText } from "../../text/tokens";
import type { Context } from "../context";
import { walkRows } from "../rows";
import { term } from "../term";
import { headLanes, missing, part } from "./head-part";
import { patterns } from "./head-pattern";

function tokens(cx: Context, row: KeyRow) {
  const { task } = cx.scene;
  const clean = tokenInColumn(task, "clean", row.column);
  const corrupted = tokenInColumn(task, "corrupted", row.column);
  return { clean, corrupted, same: clean === corrupted };
}

/** The token of a key: both where the prompts differ. */
function keyName(cx: Context, row: KeyRow) {
  if (row.count > 1) return html`<span class="key-name folded">⋯ ${row.count} tokens</span>`;
  const { clean, corrupted, same } = tokens(cx, row);
  const name = (lane: string, text: string | undefined) =>
    text === undefined
      ? nothing
      : html`<span class=${lane}>${shortToken(text, same ? 12 : 7)}</span>`;
  return html`<span class="key-name mono">${same ? name("", clean) : html`${name("clean", clean)}${name("corrupted", corrupted)}`}</span>`;
}

/** "clean 37 %, patched 12 %, corrupted 17 %". */
export function valuesText(values: Values, lanes: readonly Lane[]): string {
  const said = lanes.filter((lane) => values[lane] !== undefined);
  return said.map((lane) => `${lane} ${percent(values[lane] ?? 0)}`).join(", ");
}

function bars(row: KeyRow, lanes: readonly Lane[]) {
  return html`<span class="key-bars">${lanes.map((lane) => {
    const value = row.values[lane];
    const width = `width:${(100 * (value ?? 0)).toFixed(2)}%`;
    return html`<i class=${lane} .style=${width}></i>`;
  })}</span>`;
}

/** The number beside the bars: of the patched run, or of the clean one while nothing is patched. */
function shownValue(row: KeyRow, lanes: readonly Lane[]): string {
  const value = row.values[lanes.includes("patched") ? "patched" : "clean"];
  return value === undefined ? "–" : percent(value);
}

function foldedRow(cx: Context, row: KeyRow, lanes: readonly Lane[], first: boolean) {
  return html`<button class="key-row folded" tabindex=${first ? 0 : -1} title="show all tokens"
      aria-description="${row.count} tokens together: ${valuesText(row.values, lanes)}"
      @click=${() => cx.act.headPanel({ unfolded: true })}>${keyName(cx, row)}${bars(row, lanes)}<span class="num">${shownValue(row, lanes)}</span></button>`;
}

function keyRow(cx: Context, row: KeyRow, query: number, lanes: readonly Lane[], first: boolean) {
  if (row.count > 1) return foldedRow(cx, row, lanes, first);
  const key = row.column.clean;
  const edge = key === undefined ? undefined : { query, key };
  const can = edge !== undefined && canCut(cx.state, cx.scene, edge);
  const { clean, corrupted } = tokens(cx, row);
  const text = tokenText(clean ?? corrupted ?? "");
  const lit = key !== undefined && hoveredPosition(cx.state, cx.scene) === key;
  const { values } = row;
  return html`<button class="key-row ${row.differs ? "differs" : ""} ${lit ? "hovered" : ""}" tabindex=${first ? 0 : -1} data-key=${key ?? nothing}
      data-clean=${values.clean ?? nothing} data-patched=${values.patched ?? nothing} data-corrupted=${values.corrupted ?? nothing}
      aria-disabled=${can ? nothing : "true"} aria-description="${text}${key === undefined ? "" : `, position ${key}`}: ${valuesText(values, lanes)}${can ? "; cut" : ""}"
      @click=${(event: MouseEvent) => edge !== undefined && cx.act.cut(edge, event.shiftKey)}
      @pointerenter=${() => cx.act.edge(edge)} @pointerleave=${() => cx.act.edge(undefined)}
      @focus=${() => cx.act.edge(edge)} @blur=${() => cx.act.edge(undefined)}
    >${keyName(cx, row)}${bars(row, lanes)}<span class="num">${shownValue(row, lanes)}</span></button>`;
}

function queryBars(cx: Context, facts: HeadFacts) {
  const lanes = headLanes(cx);
  const host = hostOf(shownDirection(cx.state));
  const { rows } = keyRows(cx.scene.task, facts, lanes, host, cx.state.headPanel.unfolded);
  return html`<div class="key-rows" role="group" aria-label="attention by token" @keydown=${walkRows}>${rows.map(
    (row, i) => keyRow(cx, row, facts.position, lanes, i === 0),
  )}</div>`;
}

function wholeSwitch(cx: Context) {
  const { whole } = cx.state.headPanel;
  return html`<button class="tool whole-switch" aria-pressed=${whole} title="all queries and keys, on axes that the runs share"
    @click=${() => cx.act.headPanel({ whole: !whole })}>Matrix</button>`;
}

function content(cx: Context) {
  const { fact, phase, message } = knownHead(cx.state, cx.scene);
  if (fact === undefined || phase === "failed" || phase === "dropped")
    return missing(cx, "head", phase, message, "Asking Python …");
  if (fact.noAttention !== null) return html`<p class="none">${fact.noAttention}</p>`;
  if (fact.whole) return patterns(cx, fact);
  if (!cx.state.headPanel.whole || phase !== "answered") return queryBars(cx, fact);
  return html`<p class="none">The prompts are too long for whole patterns.</p>${queryBars(cx, fact)}`;
}

export function attention(cx: Context) {
  const { task } = cx.scene;
  const { fact } = knownHead(cx.state, cx.scene);
  const position = fact?.position ?? readPosition(cx.state, cx.scene);
  const text = shortToken(task.clean[position] ?? "", 10);
  const pair = ofPair(cx.scene);
  const whole = fact?.whole ?? false;
  const from = whole
    ? `all queries${pair}`
    : html`from @${position} <span class="mono">${text}</span>${pair}`;
  return part(
    "attention",
    html`${term("attention", "Attention")} ${wholeSwitch(cx)}`,
    from,
    content(cx),
  );
}

/** What the read-out says of the edge under the pointer; undefined if there is none. */
export function edgeText(cx: Context): string | undefined {
  const { headPanel, tab } = cx.state;
  const { fact } = knownHead(cx.state, cx.scene);
  const { edge, head } = headPanel;
  if (tab !== "head" || edge === undefined || fact === undefined || head === undefined)
    return undefined;
  const { clean, counterparts } = cx.scene.task;
  const column = (i: number) => ({ clean: i, corrupted: counterparts[i] ?? undefined });
  const [query, key] = [column(edge.query), column(edge.key)];
  const lanes = headLanes(cx);
  const values = attentionAt(fact, lanes, hostOf(shownDirection(cx.state)), query, key);
  const name = (i: number) => `@${i} ${tokenText(clean[i] ?? "")}`;
  const click = canCut(cx.state, cx.scene, edge)
    ? " · click to cut this edge, Shift-click to add"
    : "";
  return `${head} ${name(edge.query)} → ${name(edge.key)} · ${valuesText(values, lanes)}${click}`;
}
