/** Where a cell lies in its lane, and the arrow between two lanes. One geometry for cells, rings, arrows and hit areas. */

import type { Cell } from "../model/cell";
import type { Lane } from "../model/experiment";
import { clamp } from "../model/math";
import { type Box, layerLeft, layerMiddle, type PageLayout } from "./page";

/** Which of the columns of a layer's heads a cell stands in; 0 for what is no head. */
function columnOf(layout: PageLayout, cell: Cell): number {
  return cell.component === "z" ? Math.floor((cell.index ?? 0) / layout.rows) : 0;
}

/** A cell's box inside its lane's drawing. In a slim lane all cells of a layer stand at the same height. */
export function boxOf(layout: PageLayout, lane: Lane, cell: Cell): Box {
  const at = layout.lanes[lane];
  const { top: y, height: h } = at.rows[cell.component];
  const x = layerLeft(layout, cell.layer) + layout.headLeft;
  if (cell.component === "z") {
    const left = x + columnOf(layout, cell) * layout.columnWidth;
    const down = ((cell.index ?? 0) % layout.rows) * at.rowPitch;
    return { x: left, y: y + down, w: layout.columnWidth - (layout.columns > 1 ? 1 : 0), h };
  }
  if (cell.component !== "resid_post") return { x, y, w: layout.headWidth, h };
  const w = clamp(layout.headWidth, 5, 12);
  return { x: layerMiddle(layout, cell.layer) - w / 2, y, w, h };
}

/** The same box in the coordinates of all three lanes. */
export function pageBox(layout: PageLayout, lane: Lane, cell: Cell): Box {
  const box = boxOf(layout, lane, cell);
  return { ...box, x: box.x + layout.left, y: box.y + layout.lanes[lane].svgTop };
}

/** Whether a cell's arrow runs in the gap before its layer: of several columns of heads, for those at the left. */
export function arrowBefore(layout: PageLayout, cell: Cell): boolean {
  return columnOf(layout, cell) * 2 + 1 < layout.columns && cell.layer > layout.first;
}

/** The arrow of a patch: out of the source cell, along the gap between two layers, into the patched cell. */
export function arrowPath(layout: PageLayout, from: Lane, cell: Cell): string {
  const a = pageBox(layout, from, cell);
  const b = pageBox(layout, "patched", cell);
  const [y1, y2] = [a.y + a.h / 2, b.y + b.h / 2];
  const down = y2 > y1 ? 1 : -1;
  const before = arrowBefore(layout, cell);
  const away = before ? -1 : 1;
  const layer = layerLeft(layout, cell.layer) - (before ? layout.pitch : 0);
  const gap = layout.left + layer + layout.channel;
  const [x1, x2] = before ? [a.x, b.x - 1] : [a.x + a.w, b.x + b.w + 1];
  const r = clamp(Math.abs(gap - x2) - 1, 0, 8);
  return [
    `M${x1} ${y1}H${gap - away * r}`,
    `Q${gap} ${y1} ${gap} ${y1 + down * r}`,
    `V${y2 - down * r}`,
    `Q${gap} ${y2} ${gap - away * r} ${y2}H${x2}`,
  ].join("");
}
