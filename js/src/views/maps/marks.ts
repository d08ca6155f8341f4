/** The small marks in the cells of a map: zeros, minus signs, notches, crosses. */

import { svg } from "lit-html";
import { mapBox, NUMBER_FITS } from "../../layout/map";
import { DASH_FROM, type MapPaint } from "../../layout/map-colours";
import type { MapView } from "../../state/maps";

/** The least distance between the dots of exact zeros. */
const DOTS_APART = 6;

function cross(x: number, y: number, r: number): string {
  return `M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;
}

/** All marks of a kind are one path, so that a map stays fast. */
export function mapMarks(map: MapView, at: (row: number, column: number) => MapPaint) {
  const { layout } = map;
  const paths = { zero: "", minus: "", notch: "", undefined: "", alone: "" };
  const dotted = Math.ceil(DOTS_APART / layout.rowPitch);
  const dashed = layout.pitch >= DASH_FROM.w && layout.rowPitch >= DASH_FROM.h;
  for (let row = 0; row < layout.rows; row++) {
    for (let column = layout.fold; column < layout.columns; column++) {
      const { look, dash, over } = at(row, column);
      const { x, y, w, h } = mapBox(layout, row, column);
      if (look === "zero" && row % dotted === 0) paths.zero += `M${x + w / 2} ${y + h / 2}h0`;
      if (look === "undefined") paths.undefined += `M${x} ${y + h}l${w} ${-h}`;
      if (look === "unpatchable")
        paths.alone += cross(x + w / 2, y + h / 2, Math.min(3, w / 3, h / 3));
      const half = Math.min(4, w / 4);
      const large = h >= NUMBER_FITS.h && w >= NUMBER_FITS.w;
      if (dash && dashed && !large) paths.minus += `M${x + w / 2 - half} ${y + h / 2}h${2 * half}`;
      const side = Math.min(5, h * 0.7, w * 0.7);
      if (over) paths.notch += `M${x + w} ${y}v${side}l${-side} ${-side}z`;
    }
  }
  return svg`<g class="marks" aria-hidden="true"><path class="zeros" d=${paths.zero}/><path class="strong" d=${paths.minus}/>
    <path class="notch" d=${paths.notch}/><path class="refused" d=${paths.undefined}/><path class="alone" d=${paths.alone}/></g>`;
}
