/** Chart: one head. Where it attends in the runs, what feeds it, what it writes, and how much of that is direct. */

import { html, nothing } from "lit-html";
import { isolated } from "../../model/printable";
import { knownHead } from "../../state/head";
import type { Context } from "../context";
import { attention } from "./head-attention";
import { feeds } from "./head-feeds";
import { written } from "./head-written";

export function headNote(cx: Context) {
  const { head } = cx.state.headPanel;
  return head === undefined
    ? nothing
    : html`<b class="mono">${isolated(head)}</b><span>what it reads, what feeds it, what it writes</span>`;
}

export function headChart(cx: Context) {
  const { headPanel } = cx.state;
  if (headPanel.head === undefined)
    return html`<p class="none">Click a head, or walk to one with the arrow keys: this panel shows what it reads and writes.</p>`;
  const { fact, stale } = knownHead(cx.state, cx.scene);
  const known = fact !== undefined && !stale;
  return html`<div class="head-panel ${headPanel.whole ? "whole" : ""} ${stale ? "stale" : ""}" data-head=${headPanel.head}
    data-known=${known ? "" : nothing} aria-busy=${known ? "false" : "true"}>${attention(cx)}${feeds(cx)}${written(cx)}</div>`;
}
