/** A slim lane: the residual stream with a node per layer, and the boxes of the sites that are hovered or patched. */

import { nothing, svg } from "lit-html";
import { arrowBefore, boxOf } from "../../layout/lane-cells";
import { layerLeft, layerVisible } from "../../layout/page";
import { type Cell, cellName, exactCell, nearestCell, outputCell } from "../../model/cell";
import type { Lane } from "../../model/experiment";
import { range } from "../../model/math";
import { sourceLane } from "../../model/patch";
import { senderOf } from "../../model/path";
import { parseSite, withoutPosition } from "../../model/site";
import { awaitsResult, selectedPatches } from "../../state/selectors";
import type { Context } from "../context";

const CHARACTER = 6.6;

/** A node per layer; what is clicked is the stream after it. */
export function slimCells(cx: Context, lane: Lane) {
  const { layout } = cx;
  const { svgHeight } = layout.lanes[lane];
  return range(layout.count, layout.first).map((layer) => {
    const cell = outputCell(layer, "resid_post");
    const { x, y, w, h } = boxOf(layout, lane, cell);
    return svg`<rect class="cell hit" data-site=${cellName(cell)} x=${layerLeft(layout, layer)} y="0" width=${layout.pitch} height=${svgHeight}/>
      <circle class="node" cx=${x + w / 2} cy=${y + h / 2} r="2.2"/>`;
  });
}

function nearestName(site: string): string | undefined {
  const cell = nearestCell(site);
  return cell && cellName(cell);
}

/** Sites that share a box: several heads of a layer, or a neuron and its MLP. */
interface Shown {
  readonly cell: Cell;
  readonly sites: string[];
}

function boxesOf(cx: Context, sites: readonly string[]): readonly Shown[] {
  const shown = new Map<string, Shown>();
  for (const site of sites) {
    const cell = nearestCell(site);
    if (cell === undefined || !layerVisible(cx.layout, cell.layer)) continue;
    const { x } = boxOf(cx.layout, "clean", cell);
    const known = shown.get(`${x} ${cell.component === "resid_post"}`);
    if (known !== undefined && !known.sites.includes(site)) known.sites.push(site);
    else shown.set(`${x} ${cell.component === "resid_post"}`, { cell, sites: [site] });
  }
  return [...shown.values()];
}

const SHORT: Readonly<Record<string, string>> = { attn_out: "attn", mlp_out: "MLP" };

/** "H3", "N1262", "MLP"; of several, how many. */
function shortName({ sites }: Shown): string {
  const [only = "", ...more] = sites;
  const parsed = parseSite(only);
  if (more.length > 0) return `${sites.length}`;
  return parsed?.unit ?? SHORT[parsed?.component ?? ""] ?? "";
}

/** A box with its name: inside it if there is room, otherwise on the side that its arrow leaves free. */
function slimBox(cx: Context, lane: Lane, shown: Shown, kind: string, hovered = false) {
  const { x, y, w, h } = boxOf(cx.layout, lane, shown.cell);
  const name = shortName(shown);
  const inside = name.length * CHARACTER + 5 <= w;
  const [at, anchor] = inside
    ? [x + w / 2, "middle"]
    : arrowBefore(cx.layout, shown.cell)
      ? [x + w + 4, "start"]
      : [x - 4, "end"];
  const site = withoutPosition(shown.sites[0] ?? "");
  const ring = (which: string) =>
    svg`<rect class="ring ${which}" x=${x - 1} y=${y - 1} width=${w + 2} height=${h + 2} rx="3"/>`;
  const box = svg`<rect class="cell box" x=${x} y=${y} width=${w} height=${h} rx="2"
      data-site=${kind === "hover" || exactCell(site) === undefined ? nothing : site}/>${ring(kind)}${hovered ? ring("hover") : nothing}`;
  const text = svg`<text class="slim-name ${inside ? kind : "beside"}" x=${at} y=${y + h / 2 + 4} text-anchor=${anchor}>${name}</text>`;
  return svg`<g class="slim-box">${box}${name === "" ? nothing : text}</g>`;
}

/** The ring of a patched site: filled in the lane that its value comes from. */
function kindOf(cx: Context, lane: Lane, { sites }: Shown): string {
  const taken = selectedPatches(cx.state).some(
    (p) => sites.includes(senderOf(p.site)) && sourceLane(p, cx.state.direction) === lane,
  );
  if (!taken) return "plain";
  return awaitsResult(cx.state) ? "pending" : "selected";
}

export function slimBoxes(cx: Context, lane: Lane) {
  const patched = boxesOf(
    cx,
    selectedPatches(cx.state).map(({ site }) => senderOf(site)),
  );
  const [hovered] = boxesOf(cx, cx.state.hover === undefined ? [] : [cx.state.hover]);
  const under = (shown: Shown) =>
    hovered !== undefined &&
    shown.sites.some((site) => nearestName(site) === cellName(hovered.cell));
  return svg`<g class="rings" aria-hidden="true">${patched.map((shown) =>
    slimBox(cx, lane, shown, kindOf(cx, lane, shown), under(shown)),
  )}${hovered === undefined || patched.some(under) ? nothing : slimBox(cx, lane, hovered, "hover")}</g>`;
}
