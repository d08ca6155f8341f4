/** The tokens of prompts that are being written: both rows in one scroll, one above its counterpart. */

import { html, nothing } from "lit-html";
import { rowToken, tokenWidths } from "../layout/token-row";
import { alignedColumns, differingColumns, tokenInColumn } from "../model/counterparts";
import { type EditField, type Tokenised, withAlternative } from "../model/edit";
import type { Prompt } from "../model/experiment";
import { tokenText } from "../text/tokens";
import type { Context } from "./context";

/** More tokens are not drawn while a person writes. */
const MOST = 600;

export function promptTokens(tokens: Tokenised) {
  const columns = alignedColumns(tokens).slice(0, MOST);
  const differs = differingColumns(columns, tokens.differs);
  const words = (prompt: Prompt) =>
    columns.map((column) => tokenInColumn(tokens, prompt, column) ?? "");
  const widths = tokenWidths([words("clean"), words("corrupted")], differs);
  const row = (prompt: Prompt) => html`<div class="token-row ${prompt}" role="group"
    aria-label="${tokens[prompt].length} tokens of the ${prompt} prompt">${columns.map(
      (column, i) => {
        const token = tokenInColumn(tokens, prompt, column);
        const other = column[prompt === "clean" ? "corrupted" : "clean"];
        const kind = `${differs.includes(i) ? "differs" : ""} ${other === undefined ? "alone" : ""}`;
        return html`<span class="token ${token === undefined ? "gap" : kind}" .style="min-width:${widths[i] ?? 0}px">${
          token === undefined ? nothing : rowToken(token, differs.includes(i))
        }</span>`;
      },
    )}</div>`;
  return html`<div class="written-tokens" role="group" aria-label="the tokens of both prompts" tabindex="0">${row("clean")}${row("corrupted")}</div>`;
}

/** The tokens of an answer; of one that has several, each can be chosen. */
export function answerTokens(cx: Context, field: EditField & ("answer" | "foil"), text: string) {
  const found = cx.state.editing?.tokens?.[field] ?? [];
  return html`<div class="answer-tokens">${found.map((tokens, i) =>
    tokens.map((token) =>
      tokens.length === 1
        ? html`<span class="token">${tokenText(token)}</span>`
        : html`<button type="button" class="token" title="take this token alone" aria-label="take ${tokenText(token)} alone"
          @click=${() => cx.act.write({ [field]: withAlternative(text, i, token) })}>${tokenText(token)}</button>`,
    ),
  )}</div>`;
}
