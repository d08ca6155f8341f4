/** What the marks in the patched lane mean: beside its boxes, or under the lanes where there is no room. */

import { html, nothing } from "lit-html";
import { hostOf } from "../../model/experiment";
import { isFrozen, onlyAblates } from "../../model/patch";
import type { Term } from "../../text/terms";
import type { Context } from "../context";
import { term } from "../term";

const MARKS: readonly (readonly [string, Term, string])[] = [
  ["from-below", "reach", "moved"],
  ["circle", "elsewhere", "elsewhere"],
  ["dot", "zero", "exactly 0"],
  ["corner", "notch", "beyond"],
];

const FROZEN_MARK: (typeof MARKS)[number] = ["bars", "frozen", "frozen"];

/** An ablation moves nothing towards the other run, so nothing is "elsewhere". */
const GREY_MARKS: typeof MARKS = [
  ["from-below", "changed", "changed"],
  ["dot", "zero", "exactly 0"],
  ["corner", "changed", "beyond"],
];

export function legend(cx: Context) {
  const { result } = cx.state;
  if (result === undefined) return nothing;
  const grey = onlyAblates(result.patches);
  const frozen = result.patches.some(isFrozen) ? [FROZEN_MARK] : [];
  const marks = [...frozen, ...(grey ? GREY_MARKS : MARKS)];
  return html`<ul class="legend ${grey ? "into-grey" : `into-${hostOf(result.direction)}`}" aria-label="marks">${marks.map(
    ([mark, name, label]) => html`<li><i class=${mark}></i>${term(name, label)}</li>`,
  )}</ul>`;
}
