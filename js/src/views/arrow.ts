/** The act of patching: arrows from the source lane to the patched lane. */

import { html, nothing, svg } from "lit-html";
import type { Context } from "../context";
import type { Patch } from "../protocol";
import { arrowPath, visible } from "../pure/geometry";
import { hostCell } from "../pure/sites";
import { laneOf } from "../pure/words";
import { chosen, underway } from "../state";

const MOST = 16;

function one(cx: Context, patch: Patch, pending: boolean) {
  const cell = hostCell(patch.site);
  if (cell === undefined || !visible(cx.layout, cell.layer)) return nothing;
  const path = arrowPath(cx.layout, laneOf(patch, cx.state.direction), cell);
  const turn = cx.state.answered % 2 === 0 ? "wave-a" : "wave-b";
  return svg`<path class="halo" d=${path}/><path class="splice ${pending ? "pending" : turn}" d=${path}
    pathLength=${pending ? nothing : 1} marker-end="url(#${cx.id}-tip)"/>`;
}

export function arrows(cx: Context) {
  const patches = chosen(cx.state);
  const pending = underway(cx.state);
  return html`<svg class="arrows" aria-hidden="true" width=${cx.layout.width - 24} height=${cx.layout.height}>
    <defs><marker id="${cx.id}-tip" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="8" markerHeight="8"
      markerUnits="userSpaceOnUse" orient="auto"><path d="M0.5 0.5L7.5 4L0.5 7.5z"/></marker></defs>
    ${patches.length > MOST ? nothing : patches.map((patch) => one(cx, patch, pending))}
  </svg>`;
}
