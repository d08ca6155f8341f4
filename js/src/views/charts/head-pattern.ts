/** Whole patterns of a head side by side, and what the patch changed. The bars do all of this from the keyboard too. */

import { html, nothing } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { ref } from "lit-html/directives/ref.js";
import {
  differencePixels,
  type Pattern,
  type Pixels,
  patternPixels,
} from "../../layout/pattern-pixels";
import { alignedColumns } from "../../model/counterparts";
import { hostOf } from "../../model/experiment";
import type { HeadFacts } from "../../model/head";
import { hasPatchedRun } from "../../state/head";
import type { Edge } from "../../state/head-panel";
import { hoveredPosition, shownDirection } from "../../state/selectors";
import type { Context } from "../context";
import { headLanes } from "./head-part";

function paint(element: Element | undefined, { data, width, height }: Pixels): void {
  if (!(element instanceof HTMLCanvasElement)) return;
  element.width = width;
  element.height = height;
  element.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
}

/** The edge at a point of a pattern; undefined where the query does not see the key. */
function edgeAt({ columns }: Pattern, event: MouseEvent): Edge | undefined {
  if (!(event.currentTarget instanceof Element)) return undefined;
  const box = event.currentTarget.getBoundingClientRect();
  const n = columns.length;
  const column = (part: number) => columns[Math.min(n - 1, Math.max(0, Math.floor(part * n)))];
  const query = column((event.clientY - box.top) / box.height)?.clean;
  const key = column((event.clientX - box.left) / box.width)?.clean;
  return query === undefined || key === undefined || key > query ? undefined : { query, key };
}

/** A line over the columns, or the rows, of a position. */
function line(pattern: Pattern, position: number | undefined, kind: "query" | "key") {
  const at = pattern.columns.findIndex(({ clean }) => clean !== undefined && clean === position);
  if (at < 0) return nothing;
  const [from, size] = [(100 * at) / pattern.columns.length, 100 / pattern.columns.length];
  const style = kind === "key" ? `left:${from}%;width:${size}%` : `top:${from}%;height:${size}%`;
  return html`<i class="line ${kind}" .style=${style}></i>`;
}

function square(cx: Context, pattern: Pattern, name: string, title: string, draw: () => Pixels) {
  const { edge } = cx.state.headPanel;
  const pixels = guard([pattern.facts, cx.state.theme], () => {
    const drawn = draw();
    return html`<canvas aria-hidden="true" ${ref((element) => paint(element, drawn))}></canvas>`;
  });
  const click = (event: MouseEvent) => {
    const at = edgeAt(pattern, event);
    if (at !== undefined) cx.act.cut(at, event.shiftKey);
  };
  return html`<figure class="pattern ${name}" data-pattern=${name}><figcaption>${title}</figcaption>
    <div class="square" role="img" aria-label="${title}: queries from top to bottom, keys from left to right"
      @pointermove=${(event: PointerEvent) => cx.act.edge(edgeAt(pattern, event))}
      @pointerleave=${() => cx.act.edge(undefined)} @click=${click}>${pixels}${line(
        pattern,
        edge?.query,
        "query",
      )}${line(pattern, hoveredPosition(cx.state, cx.scene), "key")}</div></figure>`;
}

export function patterns(cx: Context, facts: HeadFacts) {
  const host = hostOf(shownDirection(cx.state));
  const pattern: Pattern = { facts, host, columns: alignedColumns(cx.scene.task) };
  const { theme } = cx.state;
  const runs = headLanes(cx).map((lane) =>
    square(cx, pattern, lane, lane, () => patternPixels(pattern, lane, theme)),
  );
  const { range, pixels } = differencePixels(pattern, theme);
  const change = `patched − ${host}, ±${range}`;
  return html`<div class="patterns">${runs}${hasPatchedRun(cx.state) ? square(cx, pattern, "difference", change, () => pixels) : nothing}</div>
    <p class="hint">Queries down, keys across. Click a cell to cut that edge.</p>`;
}
