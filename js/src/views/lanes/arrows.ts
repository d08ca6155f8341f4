/** The arrows of a patch: from the source lane to the patched lane. */

import { html, nothing, svg } from "lit-html";
import { arrowPath } from "../../layout/lane-cells";
import { layerVisible } from "../../layout/page";
import { nearestCell } from "../../model/cell";
import { type Patch, sourceLane } from "../../model/patch";
import { parsePath } from "../../model/path";
import { awaitsResult, selectedPatches } from "../../state/selectors";
import { type Context, waveClass } from "../context";
import { pathLine } from "./path-line";

const MOST_ARROWS = 16;

function patchArrow(cx: Context, patch: Patch, pending: boolean) {
  if (parsePath(patch.site) !== undefined) return nothing;
  const cell = nearestCell(patch.site);
  const from = sourceLane(patch, cx.state.direction);
  if (cell === undefined || from === undefined || !layerVisible(cx.layout, cell.layer))
    return nothing;
  const path = arrowPath(cx.layout, from, cell);
  return svg`<path class="halo" d=${path}/><path class="patch-arrow ${pending ? "pending" : waveClass(cx)}" d=${path}
    pathLength=${pending ? nothing : 1} marker-end="url(#${cx.id}-tip)"/>`;
}

export function arrows(cx: Context) {
  const patches = selectedPatches(cx.state);
  const pending = awaitsResult(cx.state);
  return html`<svg class="arrows" aria-hidden="true" width=${cx.layout.inner} height=${cx.layout.height}>
    <defs><marker id="${cx.id}-tip" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="8" markerHeight="8"
      markerUnits="userSpaceOnUse" orient="auto"><path d="M0.5 0.5L7.5 4L0.5 7.5z"/></marker></defs>
    ${patches.length > MOST_ARROWS ? nothing : patches.map((patch) => patchArrow(cx, patch, pending))}${pathLine(cx)}
  </svg>`;
}
