/** Path mode, step by step: what to choose next, with buttons for what no box stands for. */

import { html, nothing } from "lit-html";
import { pathName, receiverName, receiverPart } from "../text/paths";
import type { Context } from "./context";

function choice(cx: Context, receiver: string) {
  const name = receiverName(receiver);
  const key = name === "logits" ? "O" : name.toUpperCase();
  const of = receiver.includes(".KV") ? ` of ${receiver.split(".")[1] ?? ""}` : "";
  return html`<button title="${receiver} (${key})" data-receiver=${receiver}
    @click=${() => cx.act.chooseReceiver(receiver)}>${receiverPart(receiver) ?? name}${of} <kbd>${key}</kbd></button>`;
}

/** What path mode waits for; nothing outside it. */
export function pathStep(cx: Context) {
  const { draft } = cx.state;
  if (draft === undefined) return nothing;
  const { sender, receivers, choices } = draft;
  if (sender === undefined)
    return html`<span class="path-step" data-step="sender">Path: choose what sends, a head, attn_out or an MLP.</span>`;
  const name = pathName({ sender, receivers });
  if (choices.length > 0)
    return html`<span class="path-step" role="group" aria-label="what the head reads" data-step="part">${name} → which part? ${choices.map((each) => choice(cx, each))}</span>`;
  if (receivers.length === 0)
    return html`<span class="path-step" role="group" aria-label="what receives" data-step="receiver">${name} → now choose what receives it, or ${choice(cx, "logits")}</span>`;
  return html`<span class="path-step" data-step="whole">${name}. Click for a new sender${receivers.at(-1) === "logits" ? "" : ", Shift-click to go on"}.</span>`;
}
