/** Many cells as pixels: one canvas pixel per cell, enlarged without smoothing, under the drawing. */

import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { ref } from "lit-html/directives/ref.js";
import { pixelsOf } from "../../layout/map-colours";
import type { MapView } from "../../state/maps";
import type { Context } from "../context";
import { scaleOf } from "./cells";

function paint(element: Element | undefined, pixels: ReturnType<typeof pixelsOf>): void {
  if (!(element instanceof HTMLCanvasElement)) return;
  element.width = pixels.width;
  element.height = pixels.height;
  const { data, width, height } = pixels;
  element.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
}

export function mapCanvas(cx: Context, map: MapView) {
  const { layout, data } = map;
  if (!layout.raster) return nothing;
  const left = layout.left + layout.foldWidth;
  const width = layout.plotWidth - layout.foldWidth;
  const { estimate } = map;
  const changes = [
    data,
    estimate,
    cx.state.theme,
    map.direction,
    map.grey,
    layout.fold,
    left,
    width,
  ];
  const content = guard(changes, () => {
    const shown = data ?? estimate;
    const pixels = shown && pixelsOf(shown, layout.fold, scaleOf(cx, map, shown), estimate);
    return html`<canvas aria-hidden="true" .style="left:${left}px;width:${width}px;height:${layout.plotHeight}px"
      ${ref((element) => pixels && paint(element, pixels))}></canvas>`;
  });
  return html`${content}`;
}
