/** The tokens of a run: differing ones are marked, a click selects the position. */

import { html, nothing } from "lit-html";
import { rowToken, type TokenPiece } from "../../layout/token-row";
import { type Column, tokenInColumn } from "../../model/counterparts";
import type { Lane, Prompt } from "../../model/experiment";
import { positionIndex } from "../../model/position";
import { hoveredPosition } from "../../state/selectors";
import { placeText } from "../../text/pairs";
import { NO_COUNTERPART } from "../../text/status";
import { foldLabel, tokenText } from "../../text/tokens";
import type { Context } from "../context";
import { tokenSpans } from "../token-text";

export interface TokenRowData {
  readonly lane: Lane;
  readonly prompt: Prompt;
  readonly columns: readonly Column[];
  readonly differs: readonly number[];
  readonly pieces: readonly TokenPiece[];
  readonly widths: readonly number[];
  /** All tokens of a long prompt are shown, and can be folded again. */
  readonly unfolded: boolean;
  /** Positions in the clean prompt. */
  readonly marked: ReadonlySet<number>;
}

/** An empty place: only the other prompt has a token here. */
function gap(width: number) {
  return html`<span class="gap" aria-hidden="true" .style="min-width:${width}px"></span>`;
}

/** A token without a counterpart: it says so, and a click does nothing. */
function unpatchableToken(
  cx: Context,
  data: TokenRowData,
  text: string,
  column: Column,
  width: number,
) {
  const at = column.clean;
  const hovered = at !== undefined && hoveredPosition(cx.state, cx.scene) === at;
  const hover = () => at !== undefined && cx.act.hover(`@${at}`);
  return html`<button class="token alone ${hovered ? "hovered" : ""}" aria-disabled="true" tabindex="-1" data-token=${at ?? nothing}
    .style="min-width:${width}px" title=${NO_COUNTERPART[data.prompt]} aria-label="${tokenText(text)}, ${NO_COUNTERPART[data.prompt]}"
    @pointerenter=${hover} @pointerleave=${() => cx.act.hover(undefined)}>${tokenSpans(rowToken(text, true))}</button>`;
}

/** Over the mean, a position at which the pairs have different words. */
function varies({ prompt }: TokenRowData, cx: Context, column: Column): boolean {
  const at = column[prompt];
  return at !== undefined && cx.scene.task.varies[prompt].includes(at);
}

function tokenLabel(
  cx: Context,
  data: TokenRowData,
  column: Column,
  text: string,
  differs: boolean,
): string {
  const end = differs ? ", differs" : "";
  const index = column.clean ?? 0;
  return varies(data, cx, column)
    ? `${placeText(index, cx.scene.task)}, ${tokenText(text)}: no common word${end}`
    : `position ${index}, ${tokenText(text)}${end}`;
}

function token(cx: Context, data: TokenRowData, i: number) {
  const column = data.columns[i] ?? { clean: undefined, corrupted: undefined };
  const width = data.widths[i] ?? 0;
  const text = tokenInColumn(cx.scene.task, data.prompt, column);
  const { clean: index } = column;
  if (text === undefined) return gap(width);
  if (index === undefined || column.corrupted === undefined)
    return unpatchableToken(cx, data, text, column, width);
  const differs = data.differs.includes(i);
  const selected = positionIndex(cx.state.position, cx.scene.task) === index;
  const marked = data.marked.has(index) && data.lane === "patched";
  const hovered = hoveredPosition(cx.state, cx.scene) === index;
  const kinds = [
    differs ? "differs" : "",
    selected ? "selected" : "",
    marked ? "marked" : "",
    hovered ? "hovered" : "",
    varies(data, cx, column) ? "varied" : "",
  ];
  return html`<button class="token ${kinds.join(" ")}" data-token=${index} tabindex="-1" .style="min-width:${width}px"
    aria-pressed=${selected} aria-label=${tokenLabel(cx, data, column, text, differs)}
    @click=${() => cx.act.position(selected ? "all" : index)}
    @pointerenter=${() => cx.act.hover(`@${index}`)}
    @pointerleave=${() => cx.act.hover(undefined)}>${tokenSpans(rowToken(text, differs))}</button>`;
}

function fold(cx: Context, piece: TokenPiece & { kind: "fold" }) {
  return html`<button class="fold" title="show all tokens"
    @click=${() => cx.act.unfold()}>${foldLabel(piece.count, piece.before)}</button>`;
}

function foldAgain(cx: Context) {
  return html`<button class="fold again" title="fold the identical tokens" aria-label="fold the identical tokens"
    @click=${() => cx.act.unfold()}>⋯</button>`;
}

export function tokenRow(cx: Context, data: TokenRowData) {
  return html`<div class="token-row ${data.unfolded ? "long" : ""}" role="group" aria-label="${data.lane} prompt">${
    data.unfolded ? foldAgain(cx) : nothing
  }${data.pieces.map((piece) =>
    piece.kind === "token" ? token(cx, data, piece.index) : fold(cx, piece),
  )}</div>`;
}
