/** A word of the page that says what it means: in the read-out, while it is under the pointer or has the focus. */

import { html } from "lit-html";
import type { Term } from "../text/terms";

export function term(name: Term, label: unknown) {
  return html`<button type="button" class="term" data-explain=${name}>${label}</button>`;
}
