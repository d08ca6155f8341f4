/** The labels along a map: layers, heads or tokens, and the folded columns. */

import { nothing, svg } from "lit-html";
import { columnLeft, labelledColumns } from "../../layout/map";
import { lacksCounterpart } from "../../model/counterparts";
import { hostOf } from "../../model/experiment";
import { isReceiver } from "../../model/map";
import { range } from "../../model/math";
import { parseSite } from "../../model/site";
import { type MapView, mapRegion } from "../../state/maps";
import { hoveredPosition, selectedPosition } from "../../state/selectors";
import type { Context } from "../context";

const ROW_LABEL = 12;

export function rowLabels(cx: Context, map: MapView) {
  const { layout } = map;
  const step = [1, 2, 5, 10].find((n) => n * layout.rowPitch >= ROW_LABEL) ?? 20;
  const hovered =
    cx.state.hover === undefined ? undefined : mapRegion(map, cx.state.hover, cx.scene);
  const under = hovered !== undefined && hovered.bottom === hovered.top + 1 ? hovered.top : -1;
  const near = (row: number) => under >= 0 && Math.abs(row - under) * layout.rowPitch < ROW_LABEL;
  const shown = range(layout.rows).filter(
    (row) => row === under || (row % step === 0 && !near(row)),
  );
  return shown.map(
    (row) => svg`<text class=${row === under ? "hovered" : ""} x=${layout.left - 6}
      y=${(row + 0.5) * layout.rowPitch + 4 - layout.gapY / 2} text-anchor="end">${map.down === "head" ? map.unit : ""}${row}</text>`,
  );
}

/** Columns whose labels come first: hovered, differing, selected, the last token. */
function wantedColumns(cx: Context, map: MapView, hovered: number | undefined): readonly number[] {
  if (map.across === "head") return hovered === undefined ? [] : [hovered];
  const { differs } = cx.scene.task;
  const others = [selectedPosition(cx.state, cx.scene), map.layout.columns - 1];
  return [...differs, hovered, ...others].filter((i) => i !== undefined);
}

function hoveredColumn(cx: Context, map: MapView): number | undefined {
  const { hover } = cx.state;
  if (map.across === "pos") return hoveredPosition(cx.state, cx.scene);
  return hover === undefined ? undefined : mapRegion(map, hover, cx.scene)?.from;
}

export function columnLabels(cx: Context, map: MapView) {
  const { layout } = map;
  const hovered = hoveredColumn(cx, map);
  const { task } = cx.scene;
  const differs =
    map.across === "pos" ? task.differs.filter((i) => !lacksCounterpart(task, i)) : [];
  return labelledColumns(layout, wantedColumns(cx, map, hovered)).map((column) => {
    const x = columnLeft(layout, column) + (layout.pitch - layout.gapX) / 2;
    const y = layout.plotHeight + 12;
    const kind = differs.includes(column) ? `differs ${hostOf(map.direction)}` : "";
    const on = column === hovered ? "hovered" : "";
    const text = map.labels[column] ?? String(column);
    const turned = layout.tilted
      ? svg`<text class="name ${kind} ${on}" text-anchor="end" transform="translate(${x + 4} ${y - 1}) rotate(-40)">${text}</text>`
      : svg`<text class="name ${kind} ${on}" text-anchor="middle" x=${x} y=${y + 1}>${text}</text>`;
    const tick =
      kind === ""
        ? nothing
        : svg`<path class="tick ${kind}" d="M${x - 4} ${layout.plotHeight}h8l-4 4z"/>`;
    return svg`${turned}${tick}`;
  });
}

/** What the rows and the columns are. */
export function axisNames({ layout, across }: MapView) {
  const { left, plotWidth, plotHeight, height, tilted } = layout;
  // Tilted labels leave the lower right corner free, others the lower left one.
  const [x, y] = tilted ? [left + plotWidth, height - 2] : [left - 6, plotHeight + 13];
  const columns = svg`<text class="axis-name" x=${x} y=${y} text-anchor="end">${across === "head" ? "head" : "token"}</text>`;
  return svg`<text class="axis-name" transform="translate(10 ${plotHeight / 2}) rotate(-90)" text-anchor="middle">layer</text>${columns}`;
}

/** Why the rows after a receiver are empty. */
export function beyondRows({ data, field, layout }: MapView) {
  const layer = isReceiver(field) ? parseSite(field)?.layer : undefined;
  if (data === undefined || data.down === "head" || layer === undefined) return nothing;
  const top = layer * layout.rowPitch;
  const room = layout.plotHeight - top;
  if (room < 16) return nothing;
  const x = layout.left + layout.plotWidth / 2;
  return svg`<text x=${x} y=${top + room / 2 + 4} text-anchor="middle">from L${layer} on: no path</text>`;
}

/** The folded columns of identical tokens, drawn as one with its label. */
export function foldedColumn(map: MapView) {
  const { fold, foldWidth, left, plotHeight } = map.layout;
  if (fold === 0) return nothing;
  const [x, y] = [left + foldWidth / 2 + 2, plotHeight / 2];
  const label = plotHeight < 190 ? `${fold} tokens · 0` : `${fold} identical tokens · exactly 0`;
  return svg`<g class="folded"><rect x=${left} y="0" width=${foldWidth - 4} height=${plotHeight - map.layout.gapY} rx="2"/>
    <text transform="translate(${x} ${y}) rotate(-90)" text-anchor="middle">${label}</text></g>`;
}
