/** The residual stream of a lane: its line, and how far each layer moved towards the source. */

import { nothing, svg } from "lit-html";
import { layerLeft, STREAM_HEIGHT } from "../../layout/page";
import type { Lane } from "../../model/experiment";
import { range } from "../../model/math";
import { streamMovement } from "../../model/reach";
import type { Context } from "../context";

function layerFlow(cx: Context, layer: number, y: number) {
  const moved = streamMovement(cx.state.result?.reach, layer);
  if (moved === undefined || !(Math.abs(moved.along) >= 0.05)) return nothing;
  const x = layerLeft(cx.layout, layer) + cx.layout.pitch - 1;
  const last = layer === cx.layout.layers - 1;
  const w = last || layer === cx.layout.first + cx.layout.count - 1 ? 3 : cx.layout.pitch;
  const h = 6 * Math.min(1, Math.abs(moved.along));
  const kind = moved.along < 0 ? "flow away" : "flow";
  return svg`<rect class=${kind} x=${x} y=${y + 3 - h} width=${w} height=${h} .style="--d:${layer - cx.layout.first}"/>`;
}

export function residualStream(cx: Context, lane: Lane) {
  const { first, count, pitch } = cx.layout;
  const y = cx.layout.lanes[lane].streamTop + STREAM_HEIGHT / 2;
  const thick = lane === "patched" ? 6 : 2.5;
  return svg`<g aria-hidden="true"><rect class="line" x="0" y=${y - thick / 2} width=${count * pitch + 2} height=${thick}/>${
    lane === "patched" ? range(count, first).map((layer) => layerFlow(cx, layer, y)) : nothing
  }</g>`;
}
