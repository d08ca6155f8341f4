/** The pencil at a prompt: it turns the prompts into fields. */

import { html, nothing, svg } from "lit-html";
import { CHOOSE_PAIR } from "../actions/edit";
import type { Lane } from "../model/experiment";
import type { Context } from "./context";

const SHAPE = "M2 11l.7-2.7L9 2l2 2-6.3 6.3zM7.8 3.2l2 2";

export function pencil(cx: Context, lane: Lane) {
  if (lane === "patched" || !cx.scene.can_sweep || cx.state.saved) return nothing;
  const none = cx.scene.task.text === undefined;
  return html`<button type="button" class="pencil" data-edit=${lane} aria-label="edit the ${lane} prompt"
    title=${none ? CHOOSE_PAIR : "edit the prompts (W)"} aria-disabled=${none} aria-expanded=${cx.state.editing !== undefined}
    @click=${() => cx.act.edit(lane)}><svg aria-hidden="true" width="13" height="13">${svg`<path d=${SHAPE}/>`}</svg></button>`;
}
