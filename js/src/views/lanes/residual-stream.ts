/** The residual stream of a lane: its line, and how far each layer moved towards the source. */

import { nothing, svg } from "lit-html";
import { layerLeft, layerMiddle } from "../../layout/page";
import type { Lane } from "../../model/experiment";
import { range } from "../../model/math";
import { streamMovement } from "../../model/reach";
import type { Context } from "../context";

/** How thick the line is: where it can fill with the other run's colour, and elsewhere. */
const THICK = { patched: 8, other: 3 } as const;

/** From a layer's node to the next one, filled from below as far as the stream moved. */
function layerFlow(cx: Context, layer: number, bottom: number) {
  const { layout } = cx;
  const moved = streamMovement(cx.state.result?.reach, layer);
  if (moved === undefined || !(Math.abs(moved.along) >= 0.05)) return nothing;
  const x = layerMiddle(layout, layer);
  const end = layer === layout.first + layout.count - 1;
  const w = end ? layerLeft(layout, layer) + layout.pitch + 2 - x : layout.pitch;
  const h = THICK.patched * Math.min(1, Math.abs(moved.along));
  const kind = moved.along < 0 ? "flow away" : "flow";
  return svg`<rect class=${kind} x=${x} y=${bottom - h} width=${w} height=${h} .style="--d:${layer - layout.first}"/>`;
}

export function residualStream(cx: Context, lane: Lane) {
  const { first, count, pitch } = cx.layout;
  const { top, height } = cx.layout.lanes[lane].rows.resid_post;
  const y = top + height / 2;
  const thick = lane === "patched" ? THICK.patched : THICK.other;
  return svg`<g aria-hidden="true"><rect class="line" x="0" y=${y - thick / 2} width=${count * pitch + 2} height=${thick} rx=${thick / 2}/>${
    lane === "patched"
      ? range(count, first).map((layer) => layerFlow(cx, layer, y + thick / 2))
      : nothing
  }</g>`;
}
