/** The tokens of a run: differing words marked, a click chooses the position. */

import { html, nothing } from "lit-html";
import type { Context } from "../context";
import { hoveredPosition } from "../mapped";
import type { Lane } from "../protocol";
import { ALONE, type Column, type Prompt, tokenAt } from "../pure/counterparts";
import { tokenText } from "../pure/format";
import { type Piece, ribbonToken } from "../pure/ribbon";
import { positionIndex } from "../pure/sites";
import { foldWords } from "../pure/words";

export interface RibbonData {
  readonly lane: Lane;
  readonly prompt: Prompt;
  readonly columns: readonly Column[];
  readonly differs: readonly number[];
  readonly pieces: readonly Piece[];
  readonly widths: readonly number[];
  /** Positions, which count in the clean prompt. */
  readonly marked: ReadonlySet<number>;
}

/** The other prompt has a token here. */
function gap(width: number) {
  return html`<span class="gap" aria-hidden="true" style="min-width:${width}px"></span>`;
}

/** A token that the other prompt has no counterpart of: it says so, and does nothing. */
function alone(cx: Context, data: RibbonData, text: string, column: Column, width: number) {
  const at = column.clean;
  const hovered = at !== undefined && hoveredPosition(cx.state, cx.scene) === at;
  const hover = () => at !== undefined && cx.act.hover(`@${at}`);
  return html`<button class="token alone ${hovered ? "hovered" : ""}" aria-disabled="true" tabindex="-1" data-token=${at ?? nothing}
    style="min-width:${width}px" title=${ALONE[data.prompt]} aria-label="${tokenText(text)}, ${ALONE[data.prompt]}"
    @pointerenter=${hover} @pointerleave=${() => cx.act.hover(undefined)}>${ribbonToken(text, true)}</button>`;
}

function token(cx: Context, data: RibbonData, i: number) {
  const column = data.columns[i] ?? { clean: undefined, corrupted: undefined };
  const width = data.widths[i] ?? 0;
  const text = tokenAt(cx.scene.task, data.prompt, column);
  const { clean: index } = column;
  if (text === undefined) return gap(width);
  if (index === undefined || column.corrupted === undefined)
    return alone(cx, data, text, column, width);
  const differs = data.differs.includes(i);
  const chosen = positionIndex(cx.state.position, cx.scene.task) === index;
  const marked = data.marked.has(index) && data.lane === "patched";
  const hovered = hoveredPosition(cx.state, cx.scene) === index;
  const kinds = [
    differs ? "differs" : "",
    chosen ? "chosen" : "",
    marked ? "marked" : "",
    hovered ? "hovered" : "",
  ];
  return html`<button class="token ${kinds.join(" ")}" data-token=${index} tabindex="-1" style="min-width:${width}px"
    aria-pressed=${chosen ? "true" : "false"} aria-label="position ${index}, ${tokenText(text)}${differs ? ", differs" : ""}"
    @click=${() => cx.act.position(chosen ? "all" : index)}
    @pointerenter=${() => cx.act.hover(`@${index}`)}
    @pointerleave=${() => cx.act.hover(undefined)}>${ribbonToken(text, differs)}</button>`;
}

function fold(cx: Context, piece: Piece & { kind: "fold" }) {
  return html`<button class="fold" tabindex="-1" title="show them all"
    @click=${() => cx.act.unfold()}>${foldWords(piece.count, piece.before)}</button>`;
}

export function ribbon(cx: Context, data: RibbonData) {
  return html`<div class="ribbon" role="group" aria-label="${data.lane} prompt">${data.pieces.map(
    (piece) => (piece.kind === "token" ? token(cx, data, piece.index) : fold(cx, piece)),
  )}</div>`;
}
