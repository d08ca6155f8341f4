/** What the marks in the patched lane mean: beside its boxes, or under the lanes where there is no room. */

import { html, nothing } from "lit-html";
import { hostOf } from "../../model/experiment";
import type { Term } from "../../text/terms";
import type { Context } from "../context";
import { term } from "../term";

const MARKS: readonly (readonly [string, Term, string])[] = [
  ["from-below", "reach", "moved"],
  ["circle", "elsewhere", "elsewhere"],
  ["dot", "zero", "exactly 0"],
  ["corner", "notch", "beyond"],
];

export function legend(cx: Context) {
  const { result } = cx.state;
  if (result === undefined) return nothing;
  return html`<ul class="legend into-${hostOf(result.direction)}" aria-label="marks">${MARKS.map(
    ([mark, name, label]) => html`<li><i class=${mark}></i>${term(name, label)}</li>`,
  )}</ul>`;
}
