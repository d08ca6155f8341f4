/** The prompts as fields: text, tokens, and one line with counts and errors. Enter runs, Escape restores. */

import { html, nothing } from "lit-html";
import { live } from "lit-html/directives/live.js";
import type { EditField } from "../model/edit";
import { clamp } from "../model/math";
import { draftProblem, type Editing } from "../state/editing";
import { countSentence } from "../text/edits";
import type { Context } from "./context";
import { answerTokens, promptTokens } from "./editor-tokens";

/** The width of a character in the fields, and of what stands beside them. */
const CHARACTER = 7.3;
const BESIDE = 300;
const NO_SIDES = 30;
const MOST_ROWS = 6;

const NAMES = { clean: "Clean", corrupted: "Corrupted", answer: "answer", foil: "foil" } as const;

function rowsOf(cx: Context, text: string): number {
  const beside = cx.layout.sides ? BESIDE : NO_SIDES;
  const columns = Math.max(20, Math.floor((cx.layout.inner - beside) / CHARACTER));
  const lines = text.split("\n").map((line) => Math.max(1, Math.ceil(line.length / columns)));
  return clamp(
    lines.reduce((a, b) => a + b, 0),
    1,
    MOST_ROWS,
  );
}

function written(cx: Context, field: EditField) {
  return (event: Event) => {
    const { target } = event;
    if (target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement)
      cx.act.write({ [field]: target.value });
  };
}

function promptField(
  cx: Context,
  { draft }: Editing,
  field: "clean" | "corrupted",
  wrong: boolean,
) {
  const text = draft[field];
  return html`<label class="written of-${field}"><span class="name">${NAMES[field]}</span>
    <textarea data-field=${field} rows=${rowsOf(cx, text)} .value=${live(text)} spellcheck="false" autocomplete="off"
      aria-invalid=${wrong} aria-describedby="${cx.id}-written" @input=${written(cx, field)}></textarea></label>`;
}

function answerField(cx: Context, { draft }: Editing, field: "answer" | "foil", wrong: boolean) {
  const text = draft[field];
  if (text === null) return nothing;
  return html`<div class="written of-${field}"><label><span class="name">${NAMES[field]}</span>
    <input type="text" data-field=${field} .value=${live(text)} spellcheck="false" autocomplete="off"
      aria-invalid=${wrong} aria-describedby="${cx.id}-written" @input=${written(cx, field)}></label>
    ${answerTokens(cx, field, text)}</div>`;
}

function matchButton(cx: Context, { draft, tokens }: Editing) {
  if (tokens === undefined || tokens.clean.length === tokens.corrupted.length) return nothing;
  return html`<button type="button" class="tool" aria-pressed=${draft.align} title="give each token its counterpart as the rows show it; the others cannot be patched"
    @click=${() => cx.act.write({ align: !draft.align })}>Match tokens</button>`;
}

function line(cx: Context, editing: Editing) {
  const { tokens } = editing;
  const problem = draftProblem(editing);
  const running = cx.state.pending !== undefined;
  const said =
    problem?.message ?? (tokens === undefined ? "Reading the tokens …" : countSentence(tokens));
  const [first = "", ...rest] = said.split("\n");
  const details = rest.join(" ").trim() === "" ? nothing : said;
  return html`<div class="written-line"><p class=${problem === undefined ? "" : "wrong"} id="${cx.id}-written" role="status" title=${details}>${
    problem === undefined ? nothing : html`<span class="sign">▲</span>`
  }${first}</p>${matchButton(cx, editing)}
    <button type="submit" class="tool" aria-disabled=${problem !== undefined || running}>${running ? "Running …" : "Run"} <kbd>⏎</kbd></button>
    <button type="button" class="tool" @click=${() => cx.act.cancelEdit()}>Cancel <kbd>Esc</kbd></button></div>`;
}

export function editor(cx: Context) {
  const { editing } = cx.state;
  if (editing === undefined) return nothing;
  const problem = draftProblem(editing);
  const wrong = (field: EditField) => problem?.field === field;
  const submit = (event: Event) => {
    event.preventDefault();
    cx.act.runEdit();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    const inField = event.target instanceof Element && event.target.matches("[data-field]");
    if (event.key === "Enter" && (event.shiftKey || !inField)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") cx.act.runEdit();
    else cx.act.cancelEdit();
  };
  return html`<form class="editor" aria-label="the prompts" data-editing=${problem === undefined ? (editing.asked === undefined ? "ready" : "asking") : "wrong"}
      @submit=${submit} @keydown=${keys}>
    <div class="written-fields">${promptField(cx, editing, "clean", wrong("clean"))}${answerField(cx, editing, "answer", wrong("answer"))}${promptField(cx, editing, "corrupted", wrong("corrupted"))}${answerField(cx, editing, "foil", wrong("foil"))}</div>
    ${editing.tokens === undefined ? nothing : promptTokens(editing.tokens)}${line(cx, editing)}</form>`;
}
