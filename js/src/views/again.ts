/** The button that asks again for what failed or was stopped; a saved page would answer the same. */

import { html, nothing } from "lit-html";
import type { Context } from "./context";

export function again(cx: Context, ask: () => void, label = "Ask again") {
  return cx.state.saved ? nothing : html`<button @click=${ask}>${label}</button>`;
}
