/** The three lanes, one above the other, with the arrows between them. */

import { html } from "lit-html";
import { LANES } from "../../layout/page";
import { tokenPieces, tokenWidths } from "../../layout/token-row";
import { alignedColumns, differingColumns, tokenInColumn } from "../../model/counterparts";
import type { Scene } from "../../model/experiment";
import { markedPositions } from "../../state/selectors";
import type { Context } from "../context";
import { arrows } from "./arrows";
import { lane, type TokenRows } from "./lane";

/** The rows of a scene as they were last laid out: of a long prompt that costs more than all else under a moving pointer. */
const laidOut = new WeakMap<Scene, { readonly key: string; readonly rows: TokenRows }>();

function tokenRows(cx: Context): TokenRows {
  const { scene, layout, state } = cx;
  const key = [layout.ribbon, state.unfolded, ...markedPositions(state, scene)].join();
  const known = laidOut.get(scene);
  if (known?.key === key) return known.rows;
  const rows = layOutTokens(cx);
  laidOut.set(scene, { key, rows });
  return rows;
}

function layOutTokens(cx: Context): TokenRows {
  const { task } = cx.scene;
  const columns = alignedColumns(task);
  const differs = differingColumns(columns, task.differs);
  const tokens = (["clean", "corrupted"] as const).map((prompt) =>
    columns.map((column) => tokenInColumn(task, prompt, column) ?? ""),
  );
  const widths = tokenWidths(tokens, differs);
  const marked = markedPositions(cx.state, cx.scene);
  const needed = columns.flatMap(({ clean }, i) =>
    clean !== undefined && marked.has(clean) ? [i] : [],
  );
  const folded = tokenPieces(widths, differs, needed, cx.layout.ribbon);
  const unfolded = cx.state.unfolded && folded.some((piece) => piece.kind === "fold");
  const pieces = unfolded ? tokenPieces(widths, differs, needed, Number.POSITIVE_INFINITY) : folded;
  return { columns, differs, widths, marked, pieces, unfolded };
}

/** The rows of tokens scroll as one. */
function scrollAlike(event: Event): void {
  const { target, currentTarget } = event;
  if (!(target instanceof HTMLElement) || !(currentTarget instanceof HTMLElement)) return;
  if (!target.classList.contains("token-row")) return;
  for (const row of currentTarget.querySelectorAll(".token-row")) {
    if (row.scrollLeft !== target.scrollLeft) row.scrollLeft = target.scrollLeft;
  }
}

/** Scroll events do not bubble, so they are listened to on their way down. */
const scrolling = { handleEvent: scrollAlike, capture: true, passive: true };

export function lanes(cx: Context, focus: string) {
  const shown = tokenRows(cx);
  const hover = (event: PointerEvent) => {
    const cell = event.target instanceof Element ? event.target.closest("[data-site]") : null;
    cx.act.hover(cell?.getAttribute("data-site") ?? undefined);
  };
  const click = (event: MouseEvent) => {
    const cell = event.target instanceof Element ? event.target.closest("svg [data-site]") : null;
    const site = cell?.getAttribute("data-site");
    if (!site) return;
    // First, while nothing has changed: to take the focus, the browser lays out whatever has.
    cx.act.takeKeyboard(site);
    if (event.altKey) cx.act.freeze(site);
    else cx.act.patch(site, event.shiftKey);
  };
  return html`<div class="lanes" @click=${click} @pointerover=${hover} @pointerleave=${() => cx.act.hover(undefined)} @scroll=${scrolling}>
    ${LANES.map((which) => lane(cx, which, shown, focus))}${arrows(cx)}</div>`;
}
