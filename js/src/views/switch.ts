/** A small switch between a few values, one of which is chosen. */

import { html } from "lit-html";

export function switchOf<T extends string>(
  label: string,
  values: readonly (readonly [T, string])[],
  chosen: T,
  choose: (value: T) => void,
) {
  return html`<span class="switch" role="group" aria-label=${label}>${values.map(
    ([value, name]) =>
      html`<button type="button" data-value=${value} aria-pressed=${value === chosen} data-explain=${value} @click=${() => choose(value)}>${name}</button>`,
  )}</span>`;
}
