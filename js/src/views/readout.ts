/** One fixed line of text about what is under the pointer or has the focus. */

import { html, nothing } from "lit-html";
import { cellName, nearestCell } from "../model/cell";
import { firstDifference, lacksCounterpart, tokenAtPosition } from "../model/counterparts";
import { hostOf, type MetricInfo, refusalReason, type TaskInfo } from "../model/experiment";
import { readingOf } from "../model/pairs";
import { isFrozen } from "../model/patch";
import { atPosition, positionRange, positionText } from "../model/position";
import { isolated, printable } from "../model/printable";
import { firstPatchedLayer, movementAt } from "../model/reach";
import type { Reading } from "../model/result";
import { positionOf, withoutPosition } from "../model/site";
import { mapReading } from "../state/maps";
import { hoveredPair } from "../state/pairs";
import { isAnswered } from "../state/saved";
import { columnOfToken, currentMetric, knownReadings } from "../state/selectors";
import { modelFacts } from "../text/names";
import { effectNumber, percent, plainNumber } from "../text/numbers";
import { PAIRS_DIFFER, pairPreview, placeText } from "../text/pairs";
import { BOX_NEEDS_PYTHON } from "../text/saved";
import { NO_COUNTERPART, refusalSentence } from "../text/status";
import { termSentence } from "../text/terms";
import { hasBytes, tokenText } from "../text/tokens";
import { edgeText } from "./charts/head-attention";
import type { Context } from "./context";
import { legend } from "./lanes/legend";
import { lensText } from "./lanes/lens";
import { fieldText } from "./maps/title";
import { pathStep } from "./path-step";
import { shownSource } from "./shown-source";

/** The task's name of a position, in brackets; of one that is known by its name alone, nothing. */
function nameOf({ positions, places }: TaskInfo, index: number): string {
  const name = Object.entries(positions).find(([, at]) => at === index)?.[0];
  return name === undefined || places !== undefined ? "" : ` (${isolated(printable(name, 80))})`;
}

function aboutToken(cx: Context, index: number): string {
  const { task } = cx.scene;
  const clean = task.clean[index] ?? "";
  if (task.varies.clean.includes(index) || task.places !== undefined)
    return `${placeText(index, task)}${nameOf(task, index)} · ${PAIRS_DIFFER}`;
  const where = `position ${index}${nameOf(task, index)}`;
  if (lacksCounterpart(task, index))
    return `${where} · clean ${tokenText(clean)} · ${NO_COUNTERPART.clean}`;
  const corrupted = tokenAtPosition(task, "corrupted", index);
  if (hasBytes(clean) || hasBytes(corrupted)) return `${where} · ${partText(clean, corrupted)}`;
  if (clean !== corrupted)
    return `${where} · clean ${tokenText(clean)} · corrupted ${tokenText(corrupted)}`;
  const before = index < firstDifference(task);
  return `${where} · ${tokenText(clean)} in both${before ? " · before the first difference: exactly 0" : ""}`;
}

/** Of a token that is a part of a character: its bytes, and where the character stands. */
function partText(clean: string, corrupted: string): string {
  const both =
    clean === corrupted
      ? `${tokenText(clean)} in both`
      : `clean ${tokenText(clean)} · corrupted ${tokenText(corrupted)}`;
  return `${both} · ‹bytes› of a character that ends at a later token`;
}

function nearestName(site: string): string | undefined {
  const cell = nearestCell(site);
  return cell && cellName(cell);
}

/** What a click does; on a saved page no joint patch is offered. */
function clickText({ state }: Context, site: string): string {
  if (!state.saved) return "click to patch, Shift-click to add";
  return isAnswered(state, site) ? "click to patch" : BOX_NEEDS_PYTHON;
}

function reachText(cx: Context, site: string): string {
  const { result } = cx.state;
  const cell = nearestCell(site);
  if (result === undefined || cell === undefined)
    return cx.state.draft === undefined ? clickText(cx, site) : "click to choose";
  const { own: word, towards } = shownSource(cx.state);
  const [own, node] = [withoutPosition(site), cellName(cell)];
  const enters = (patch: string) => /\.resid_pre\b/.test(patch) && nearestName(patch) === node;
  const here = result.patches.find((p) => withoutPosition(p.site) === own || enters(p.site));
  if (here !== undefined && isFrozen(here))
    return `frozen: keeps its ${hostOf(result.direction)} value`;
  if (here !== undefined) return word === towards ? `has its ${towards} value` : `patched: ${word}`;
  const moved = movementAt(result.reach, cell);
  if (moved?.size === 0) {
    const before = cell.layer <= firstPatchedLayer(result.patches);
    return before ? "exactly 0: nothing patched lies before it" : "exactly 0: it did not change";
  }
  if (moved === undefined || !Number.isFinite(moved.along)) return "no movement to measure here";
  if (towards === undefined)
    return `changed by ${plainNumber(moved.size)} of the distance between the runs, at the last token`;
  return `moved ${plainNumber(moved.along)} of the way to ${towards} at the last token (size ${plainNumber(moved.size)}, cos ${plainNumber(moved.cos)})`;
}

/** What a map knows about a site; undefined if it is not one of its cells. */
function mapText(cx: Context, site: string): string | undefined {
  const known = mapReading(cx.state, cx.scene, site);
  if (known === undefined) return undefined;
  if (known.look === "pending") return "not yet computed";
  if (known.look === "beyond") return "comes after the receiver: no path";
  if (known.look === "unpatchable") return NO_COUNTERPART.clean;
  if (known.look === "zero") {
    const at = positionRange(site, cx.scene.task)?.[0] ?? Number.POSITIVE_INFINITY;
    return at < firstDifference(cx.scene.task)
      ? "exactly 0: before the first difference"
      : "exactly 0: it does not reach the answer";
  }
  const effect = `effect ${effectNumber(known.effect, currentMetric(cx.state, cx.scene))}`;
  const share = Number.isNaN(known.share) ? "" : `share ${percent(known.share)}, `;
  const estimated = known.estimated ? " (estimated)" : "";
  return `${fieldText(cx.state.field)}${share}${effect}${estimated}`;
}

function aloneText({ effect, share }: Reading, metric: MetricInfo): string {
  return `effect ${effectNumber(effect, metric)}${share === null ? "" : `, ${percent(share)}`}`;
}

function aboutSite(cx: Context, site: string): string {
  const cell = nearestCell(site);
  const reason = cell && refusalReason(cx.scene, cell.component);
  if (reason !== undefined) return refusalSentence(site, reason);
  const metric = currentMetric(cx.state, cx.scene);
  const known = knownReadings(cx.state, metric.name).get(site);
  const said = mapText(cx, site);
  const scope = positionText(cx.state.position, cx.scene.task.clean.length);
  if (positionOf(site) !== scope) {
    const click = said === NO_COUNTERPART.clean ? "" : ` · ${clickText(cx, site)}`;
    return `${isolated(site)} · ${said ?? "not in a map"}${click}`;
  }
  const ofField = fieldText(cx.state.field) === "" ? undefined : said;
  const alone = known === undefined ? said : aloneText(known, metric);
  const missing = cx.state.result !== undefined && !isAnswered(cx.state, site);
  const end = missing
    ? ` · alone: ${BOX_NEEDS_PYTHON}`
    : ofField
      ? ` · ${ofField}`
      : alone === undefined
        ? ""
        : ` · alone: ${alone}`;
  return `${isolated(site)} · ${reachText(cx, site)}${end}`;
}

/** What a click on it patches: a box of a lane stands for its component at the chosen position. */
function clickedSite({ state, scene }: Context, site: string): string {
  return positionOf(site) === undefined
    ? atPosition(site, state.position, scene.task.clean.length)
    : site;
}

const NOTHING_UNDER_POINTER =
  "This line says what is under the pointer: a box, a cell of a map, a token, a dotted word.";

/** A site or a token under the pointer, a word that explains itself, or the site that has the focus. */
function said(cx: Context, focus: string): string {
  const { hover, explained } = cx.state;
  if (hover === undefined && explained !== undefined) {
    const { direction } = cx.state;
    const { model } = cx.scene;
    return termSentence(explained, {
      direction,
      model: modelFacts(model),
      checks: model.checks.summary,
    });
  }
  if (hover === undefined && cx.state.focus === undefined) return NOTHING_UNDER_POINTER;
  const at = hover ?? focus;
  const token = at.startsWith("@") ? columnOfToken(at, cx.scene) : undefined;
  return token === undefined ? aboutSite(cx, clickedSite(cx, at)) : aboutToken(cx, token);
}

function aboutPair(cx: Context, pair: number): string {
  const { scene, state } = cx;
  const metric = currentMetric(state, scene);
  const reading = state.result && readingOf(state.result, metric.name, pair);
  return pairPreview(pair, scene.task.n_pairs, scene.pairs[pair], reading, metric);
}

export function readout(cx: Context, focus: string) {
  const pair = hoveredPair(cx.state);
  const other = () => edgeText(cx) ?? lensText(cx, cx.state.hover ?? focus) ?? said(cx, focus);
  const text = pair === undefined ? other() : aboutPair(cx, pair);
  const { draft, hover, explained } = cx.state;
  if (draft !== undefined) {
    const about = hover === undefined && explained === undefined ? "" : text;
    return html`<div class="readout">${pathStep(cx)}<span class="about">${about}</span></div>`;
  }
  return html`<div class="readout"><span class="about">${text}</span></div>${cx.layout.sides ? nothing : legend(cx)}`;
}
