/** The cells of a map: drawn ones where they are few; else the row that has the focus, unseen, over the canvas. */

import { nothing, svg } from "lit-html";
import type { Context } from "../context";
import { type MapView, mapSite, placeOf } from "../mapped";
import type { Cells } from "../protocol";
import { effectNumber, percent } from "../pure/format";
import { mapBox } from "../pure/maps";
import { DASH_FROM, lookAt, type Painted, paintedAt, rangeOfMap } from "../pure/scale";
import { cellLabel } from "../pure/sweepwords";
import { metricOf } from "../select";
import { chosen } from "../state";

/** Dots of exact zeros are no denser than this. */
const DOTS_APART = 6;

/** Cells of this size hold a number. */
const NUMBER = { w: 48, h: 16 };

type Box = ReturnType<typeof mapBox>;

export function scaleOf(cx: Context, map: MapView, cells: Cells) {
  return { range: rangeOfMap(cells), direction: map.direction, theme: cx.state.theme };
}

/** The one cell of a map that Tab reaches. */
export function tabSite(cx: Context, map: MapView): string {
  const known = cx.state.mapFocus[map.name];
  if (known !== undefined && placeOf(map, known, cx.scene) !== undefined) return known;
  return mapSite(map, 0, map.layout.fold);
}

function isChosen(cx: Context, map: MapView, row: number, column: number): boolean {
  return chosen(cx.state).some(({ site }) => {
    const at = placeOf(map, site, cx.scene);
    return at !== undefined && row === at.top && column >= at.from && column < at.to;
  });
}

const PENDING: Painted = {
  look: "pending",
  value: Number.NaN,
  fill: "none",
  dash: false,
  over: false,
};

function painted(cx: Context, map: MapView) {
  const { cells, layout } = map;
  if (cells === undefined) return () => PENDING;
  const scale = scaleOf(cx, map, cells);
  return (row: number, column: number) => paintedAt(cells, row * layout.columns + column, scale);
}

function label(map: MapView, site: string, index: number): string {
  const { cells } = map;
  if (cells === undefined) return cellLabel(site, "pending", "");
  return cellLabel(site, lookAt(cells, index), percent(cells.share[index] ?? 0));
}

/** Effects in the cells that are large enough for a number. */
function inside(cx: Context, map: MapView, box: Box, index: number) {
  const effect = map.cells?.effect[index];
  if (box.w < NUMBER.w || box.h < NUMBER.h || effect === undefined || !(Math.abs(effect) > 0))
    return nothing;
  const text = effectNumber(effect, metricOf(cx.state, cx.scene));
  return svg`<text class="inside" x=${box.x + box.w / 2} y=${box.y + box.h / 2 + 4} aria-hidden="true">${text}</text>`;
}

function cross(x: number, y: number, r: number): string {
  return `M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;
}

/** All small marks of a kind are one path. */
function marks(map: MapView, at: (row: number, column: number) => Painted) {
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
      const large = h >= NUMBER.h && w >= NUMBER.w;
      if (dash && dashed && !large) paths.minus += `M${x + w / 2 - half} ${y + h / 2}h${2 * half}`;
      const side = Math.min(5, h * 0.7, w * 0.7);
      if (over) paths.notch += `M${x + w} ${y}v${side}l${-side} ${-side}z`;
    }
  }
  return svg`<g class="marks" aria-hidden="true"><path class="zeros" d=${paths.zero}/><path class="strong" d=${paths.minus}/>
    <path class="notch" d=${paths.notch}/><path class="refused" d=${paths.undefined}/><path class="alone" d=${paths.alone}/></g>`;
}

function drawn(cx: Context, map: MapView, row: number, paint: ReturnType<typeof painted>) {
  const { layout } = map;
  const tab = tabSite(cx, map);
  const columns = Array.from({ length: layout.columns - layout.fold }, (_, i) => layout.fold + i);
  const cells = columns.map((column) => {
    const site = mapSite(map, row, column);
    const box = mapBox(layout, row, column);
    const { look, fill } = layout.raster ? PENDING : paint(row, column);
    const index = row * layout.columns + column;
    return svg`<rect class="mcell ${layout.raster ? "unseen" : look}" data-site=${site} role="gridcell" tabindex=${site === tab ? 0 : -1}
      aria-colindex=${column + 1} aria-label=${label(map, site, index)} aria-selected=${isChosen(cx, map, row, column) ? "true" : "false"}
      x=${box.x} y=${box.y} width=${box.w} height=${box.h} fill=${fill}/>${layout.raster ? nothing : inside(cx, map, box, index)}`;
  });
  return svg`<g role="row" aria-rowindex=${row + 1} aria-label="layer ${row}">${cells}</g>`;
}

export function gridRows(cx: Context, map: MapView) {
  const { layout } = map;
  const paint = painted(cx, map);
  if (layout.raster) {
    return drawn(cx, map, placeOf(map, tabSite(cx, map), cx.scene)?.top ?? 0, paint);
  }
  const rows = Array.from({ length: layout.rows }, (_, row) => drawn(cx, map, row, paint));
  const approximate =
    map.cells !== undefined && !map.cells.exact
      ? svg`<rect class="approximate" fill="url(#${cx.id}-hatch)" x=${layout.left} y="0" width=${layout.plotWidth} height=${layout.plotHeight}/>`
      : nothing;
  return svg`<defs><pattern id="${cx.id}-hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V4"/></pattern></defs>${rows}${marks(map, paint)}${approximate}`;
}
