/** Many cells as pixels: one canvas pixel a cell, enlarged without smoothing, under the drawing. */

import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { ref } from "lit-html/directives/ref.js";
import type { Context } from "../context";
import type { MapView } from "../mapped";
import { pixelsOf } from "../pure/scale";
import { scaleOf } from "./mapcells";

function paint(element: Element | undefined, pixels: ReturnType<typeof pixelsOf>): void {
  if (!(element instanceof HTMLCanvasElement)) return;
  element.width = pixels.width;
  element.height = pixels.height;
  const { data, width, height } = pixels;
  element.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
}

export function raster(cx: Context, map: MapView) {
  const { layout, cells } = map;
  if (!layout.raster) return nothing;
  const left = layout.left + layout.foldWidth;
  const width = layout.plotWidth - layout.foldWidth;
  const content = guard([cells, cx.state.theme, map.direction, layout.fold, left, width], () => {
    const pixels = cells && pixelsOf(cells, layout.fold, scaleOf(cx, map, cells));
    return html`<canvas aria-hidden="true" style="left:${left}px;width:${width}px;height:${layout.plotHeight}px"
      ${ref((element) => pixels && paint(element, pixels))}></canvas>`;
  });
  return html`${content}`;
}
