/** The small marks in the cells of a map: zeros, minus signs, notches, crosses. */

import { svg } from "lit-html";
import { hasNumber, mapBox } from "../../layout/map";
import type { MapPaint } from "../../layout/map-colours";
import type { Box } from "../../layout/page";
import type { MapView } from "../../state/maps";

/** The least distance between the dots of exact zeros. */
const DOTS_APART = 6;

/** The least pitch of columns and rows that leaves room for minus signs. */
const ROOM_FOR_MINUS = { column: 10, row: 5 } as const;

function dot({ x, y, w, h }: Box): string {
  return `M${x + w / 2} ${y + h / 2}h0`;
}

function diagonal({ x, y, w, h }: Box): string {
  return `M${x} ${y + h}l${w} ${-h}`;
}

function cross({ x, y, w, h }: Box): string {
  const r = Math.min(3, w / 3, h / 3);
  return `M${x + w / 2 - r} ${y + h / 2 - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;
}

function minus({ x, y, w, h }: Box): string {
  const half = Math.min(4, w / 4);
  return `M${x + w / 2 - half} ${y + h / 2}h${2 * half}`;
}

function notch({ x, y, w, h }: Box): string {
  const side = Math.min(5, h * 0.7, w * 0.7);
  return `M${x + w} ${y}v${side}l${-side} ${-side}z`;
}

/** All marks of a kind are one path, so that a map stays fast. */
export function mapMarks({ layout }: MapView, at: (row: number, column: number) => MapPaint) {
  const paths = { zero: "", minus: "", notch: "", undefined: "", unpatchable: "" };
  const dotted = Math.ceil(DOTS_APART / layout.rowPitch);
  const dashed = layout.pitch >= ROOM_FOR_MINUS.column && layout.rowPitch >= ROOM_FOR_MINUS.row;
  for (let row = 0; row < layout.rows; row++) {
    for (let column = layout.fold; column < layout.columns; column++) {
      const { look, dash, over } = at(row, column);
      const box = mapBox(layout, row, column);
      if (look === "zero" && row % dotted === 0) paths.zero += dot(box);
      if (look === "undefined") paths.undefined += diagonal(box);
      if (look === "unpatchable") paths.unpatchable += cross(box);
      if (dash && dashed && !hasNumber(box)) paths.minus += minus(box);
      if (over) paths.notch += notch(box);
    }
  }
  return svg`<g class="marks" aria-hidden="true"><path class="zeros" d=${paths.zero}/><path class="strong" d=${paths.minus}/>
    <path class="notch" d=${paths.notch}/><path class="refused" d=${paths.undefined}/><path class="alone" d=${paths.unpatchable}/></g>`;
}
