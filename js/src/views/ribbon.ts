/** The tokens of a run: differing words marked, a click chooses the position. */

import { html } from "lit-html";
import type { Context } from "../context";
import { hoveredPosition } from "../mapped";
import type { Lane } from "../protocol";
import { tokenText } from "../pure/format";
import { type Piece, ribbonToken } from "../pure/ribbon";
import { positionIndex } from "../pure/sites";
import { foldWords } from "../pure/words";

export interface RibbonData {
  readonly lane: Lane;
  readonly tokens: readonly string[];
  readonly pieces: readonly Piece[];
  readonly widths: readonly number[];
  readonly marked: ReadonlySet<number>;
}

function token(cx: Context, data: RibbonData, index: number) {
  const text = data.tokens[index] ?? "";
  const differs = cx.scene.task.differs.includes(index);
  const chosen = positionIndex(cx.state.position, cx.scene.task) === index;
  const marked = data.marked.has(index) && data.lane === "patched";
  const hovered = hoveredPosition(cx.state, cx.scene) === index;
  const kinds = [
    differs ? "differs" : "",
    chosen ? "chosen" : "",
    marked ? "marked" : "",
    hovered ? "hovered" : "",
  ];
  return html`<button class="token ${kinds.join(" ")}" data-token=${index} tabindex="-1" style="min-width:${data.widths[index] ?? 0}px"
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
