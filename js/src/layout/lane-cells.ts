/** Where a cell lies in its lane, and the arrow between two lanes. One geometry for cells, rings, arrows and hit areas. */

import type { Cell } from "../model/cell";
import type { Lane } from "../model/experiment";
import { clamp } from "../model/math";
import { type Box, layerLeft, type PageLayout, STREAM_HEIGHT } from "./page";

/** A cell's box inside its lane's drawing. */
export function boxOf(layout: PageLayout, lane: Lane, cell: Cell): Box {
  const at = layout.lanes[lane];
  const left = layerLeft(layout, cell.layer);
  const middle = at.streamTop + STREAM_HEIGHT / 2;
  if (cell.component === "z") {
    const index = cell.index ?? 0;
    const column = Math.floor(index / layout.rows);
    const x = left + layout.headLeft + column * layout.columnWidth;
    const y = 5 + (index % layout.rows) * at.rowPitch;
    return { x, y, w: layout.columnWidth - (layout.columns > 1 ? 1 : 0), h: at.cellHeight };
  }
  if (cell.component === "mlp_out") {
    return { x: left + layout.mlpLeft, y: middle - 9, w: layout.mlpWidth, h: 18 };
  }
  if (cell.component === "attn_out") {
    const w = clamp(layout.headWidth * 0.55, 5, 12);
    const x = left + layout.headLeft + (layout.headWidth - w) / 2;
    return { x, y: at.streamTop - 3, w, h: STREAM_HEIGHT / 2 + 3 };
  }
  const w = clamp(layout.pitch - layout.mlpLeft - layout.mlpWidth, 5, 9);
  return { x: left + layout.pitch - w / 2 - 1, y: middle - 6, w, h: 12 };
}

/** The same box in the coordinates of all three lanes. */
export function pageBox(layout: PageLayout, lane: Lane, cell: Cell): Box {
  const box = boxOf(layout, lane, cell);
  return { ...box, x: box.x + layout.left, y: box.y + layout.lanes[lane].svgTop };
}

/** The arrow of a patch: out of the source cell, along the gap between the layers, into the patched cell. */
export function arrowPath(layout: PageLayout, from: Lane, cell: Cell): string {
  const a = pageBox(layout, from, cell);
  const b = pageBox(layout, "patched", cell);
  if (cell.component === "mlp_out" || cell.component === "resid_post") {
    const x = a.x + a.w / 2;
    return b.y > a.y ? `M${x} ${a.y + a.h}V${b.y - 2}` : `M${x} ${a.y}V${b.y + b.h + 2}`;
  }
  const [y1, y2] = [a.y + a.h / 2, b.y + b.h / 2];
  const down = y2 > y1 ? 1 : -1;
  const gap = layout.left + layerLeft(layout, cell.layer) + layout.channel;
  const [x1, x2] = [a.x + a.w, b.x + b.w + 1];
  const r = clamp(gap - x2 - 1, 0, 8);
  return [
    `M${x1} ${y1}H${gap - r}`,
    `Q${gap} ${y1} ${gap} ${y1 + down * r}`,
    `V${y2 - down * r}`,
    `Q${gap} ${y2} ${gap - r} ${y2}H${x2}`,
  ].join("");
}
