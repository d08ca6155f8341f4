/** One fixed line of text about what is under the pointer or has the focus. Never floats. */

import { html, nothing } from "lit-html";
import type { Context } from "../context";
import { mapReading } from "../mapped";
import { ALONE, firstDifference, isAlone, tokenHere } from "../pure/counterparts";
import { effectNumber, percent, plainNumber, tokenText } from "../pure/format";
import { firstLayer, movedAt } from "../pure/reach";
import { baseOf, cellName, hostCell, positionOf, span } from "../pure/sites";
import { hostOf, refusedWords, sourceOf } from "../pure/words";
import { knownReadings, metricOf, refusalOf } from "../select";

function aboutToken(cx: Context, index: number): string {
  const { task } = cx.scene;
  const clean = task.clean[index] ?? "";
  const name = Object.entries(task.positions).find(([, at]) => at === index)?.[0];
  const where = `position ${index}${name === undefined ? "" : ` (${name})`}`;
  if (isAlone(task, index)) return `${where} · clean ${tokenText(clean)} · ${ALONE.clean}`;
  const corrupted = tokenHere(task, "corrupted", index);
  if (clean !== corrupted)
    return `${where} · clean ${tokenText(clean)} · corrupted ${tokenText(corrupted)}`;
  const before = index < firstDifference(task);
  return `${where} · ${tokenText(clean)} in both${before ? " · before the first difference: exactly 0" : ""}`;
}

function hostName(site: string): string | undefined {
  const cell = hostCell(site);
  return cell && cellName(cell);
}

function reached(cx: Context, site: string): string {
  const { result } = cx.state;
  const cell = hostCell(site);
  if (result === undefined || cell === undefined) return "click to patch, Shift-click to add";
  const towards = sourceOf(result.direction);
  const [own, node] = [baseOf(site), cellName(cell)];
  const enters = (patch: string) => /\.resid_pre\b/.test(patch) && hostName(patch) === node;
  if (result.patches.some((patch) => baseOf(patch.site) === own || enters(patch.site)))
    return `has its ${towards} value`;
  const moved = movedAt(result.reach, cell);
  if (moved?.size === 0) {
    const before = cell.layer <= firstLayer(result.patches);
    return before ? "exactly 0: nothing patched lies before it" : "exactly 0: it did not change";
  }
  if (moved === undefined || !Number.isFinite(moved.along)) return "no movement to measure here";
  return `moved ${plainNumber(moved.along)} of the way to ${towards} at the last token (size ${plainNumber(moved.size)}, cos ${plainNumber(moved.cos)})`;
}

/** What a map says of one of its cells. */
function mapped(cx: Context, site: string): string | undefined {
  const known = mapReading(cx.state, cx.scene, site);
  if (known === undefined) return undefined;
  if (known.look === "pending") return "not yet computed";
  if (known.look === "unpatchable") return ALONE.clean;
  if (known.look === "zero") {
    const at = span(site, cx.scene.task)?.[0] ?? Number.POSITIVE_INFINITY;
    return at < firstDifference(cx.scene.task)
      ? "exactly 0: before the first difference"
      : "exactly 0: nothing of it reaches the answer";
  }
  const effect = `effect ${effectNumber(known.effect, metricOf(cx.state, cx.scene))}`;
  return Number.isNaN(known.share) ? effect : `share ${percent(known.share)}, ${effect}`;
}

function aboutSite(cx: Context, site: string): string {
  const cell = hostCell(site);
  const reason = cell && refusalOf(cx.scene, cell.component);
  if (reason !== undefined) return refusedWords(site, reason);
  const metric = metricOf(cx.state, cx.scene);
  const known = knownReadings(cx.state, metric.name).get(site);
  const said = mapped(cx, site);
  if (positionOf(site) !== undefined) {
    const click = said === ALONE.clean ? "" : " · click to patch, Shift-click to add";
    return `${site} · ${said ?? "not in a map"}${click}`;
  }
  const alone =
    known === undefined
      ? said === undefined
        ? ""
        : ` · alone: ${said}`
      : ` · alone: effect ${effectNumber(known.effect, metric)}${known.share === null ? "" : `, ${percent(known.share)}`}`;
  return `${site} · ${reached(cx, site)}${alone}`;
}

/** What the marks in the patched lane mean. */
function legend(cx: Context) {
  if (cx.state.result === undefined || !cx.layout.wide) return nothing;
  const { direction } = cx.state.result;
  return html`<div class="legend into-${hostOf(direction)}"><span><i class="from-below"></i>moved towards ${sourceOf(direction)}</span>
    <span><i class="outlined"></i>moved elsewhere</span><span><i class="dot"></i>exactly 0</span></div>`;
}

export function readout(cx: Context, focus: string) {
  const at = cx.state.hover ?? focus;
  const text = at.startsWith("@") ? aboutToken(cx, Number(at.slice(1))) : aboutSite(cx, at);
  return html`<div class="readout"><span class="about">${text}</span>${legend(cx)}</div>`;
}
