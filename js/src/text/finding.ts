/** The finding in sentences: what a patch did. */

import {
  type Direction,
  hostOf,
  type MetricInfo,
  type ModelInfo,
  type Prompt,
  type Run,
  type ShownPair,
  sourceOf,
} from "../model/experiment";
import { notFrozen, type Patch, pathOf } from "../model/patch";
import { isolated } from "../model/printable";
import type { Reading } from "../model/result";
import { allCut, cutSentence } from "./cut";
import { extentOf } from "./extent";
import { patchName } from "./names";
import { effectNumber, metricNumber, percent } from "./numbers";
import { pairScope } from "./pairs";
import { pathSentence } from "./paths";
import { madeSource, sourceSentence } from "./source";
import { sentence } from "./status";
import { shortToken } from "./tokens";

/** What the new top token is, if it changed. Only an answer on top is a success. */
function topChange(f: Finding, plural: boolean): string {
  if (f.nPairs > 1 && f.pair === "mean") return "";
  const top = (run: Run) => run.top[0]?.token;
  const [before, after] = [top(f.runs[hostOf(f.direction)]), top(f.patched)];
  if (before === undefined || after === undefined || before === after) return "";
  const wanted = f.direction === "denoise" ? f.answer : f.foil;
  if (wanted.includes(after)) {
    const back = f.direction === "denoise" && after === top(f.runs.clean) ? " back" : "";
    return ` and put${plural ? "" : "s"} ${shortToken(after)}${back} on top`;
  }
  return `; the top token becomes ${shortToken(after)}, ${standing(f, after)}`;
}

/** What a token on top is, if it is not the one that the patch is about. */
function standing(f: Finding, token: string): string {
  if (f.answer.includes(token)) return "the answer";
  if (f.foil.includes(token)) return "the foil";
  if (token.trim() !== "" && f.answer.some((answer) => answer.startsWith(token)))
    return "the start of the answer";
  const source = sourceOf(f.direction);
  if (f.runs[source].top[0]?.token === token) return `as in the ${source} run`;
  return f.foil.length === 0 ? "not the answer" : "neither answer nor foil";
}

/** "58 % of the difference"; a number that rounds to nothing says so. */
function ofDifference(share: number): string {
  if (share === 0) return "exactly 0";
  return `${Math.abs(share) < 0.0005 ? "under 0.1 %" : percent(share)} of the difference`;
}

function denoised(name: string, many: boolean, share: number): string {
  const [s, part] = [many ? "" : "s", ofDifference(share)];
  switch (extentOf(share)) {
    case "over":
      return `${name} overshoot${s}: ${part}`;
    case "part":
      return `${name} restore${s} ${part}`;
    case "little":
      return `${name} change${s} ${share === 0 ? "nothing" : "little"}: ${part}`;
    case "against":
      return `${name} push${many ? "" : "es"} away from the clean answer: ${part}`;
  }
}

function noised(name: string, share: number): string {
  const part = ofDifference(share);
  switch (extentOf(share)) {
    case "over":
      return `Corrupting ${name} overshoots: ${part} is lost`;
    case "part":
      return `Corrupting ${name} costs ${part}`;
    case "little":
      return `Corrupting ${name} changes ${share === 0 ? "nothing" : "little"}: ${part}`;
    case "against":
      return `Corrupting ${name} helps the answer: ${ofDifference(-share)}`;
  }
}

export interface Finding {
  readonly patches: readonly Patch[];
  readonly direction: Direction;
  readonly reading: Reading;
  readonly patched: Run;
  readonly runs: Readonly<Record<Prompt, Run>>;
  readonly metric: MetricInfo;
  readonly model: ModelInfo;
  /** What the numbers are about. */
  readonly pair: ShownPair;
  readonly nPairs: number;
  readonly answer: readonly string[];
  readonly foil: readonly string[];
  /** Of a path, the total effect that it is part of; undefined until it is known. */
  readonly whole?: number | null | undefined;
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Why there is no recovery: both prompts give the same, or what the kernel says. */
export function undefinedRecovery(
  runs: Finding["runs"],
  metric: MetricInfo,
  reason: string | null,
): string {
  const [clean, corrupted] = [runs.clean.values[metric.name], runs.corrupted.values[metric.name]];
  const [a, b] = [metricNumber(clean, metric), metricNumber(corrupted, metric)];
  if (a === b && a !== "undefined") {
    return `No recovery: both prompts give ${a}. Change a prompt, the answer or the metric.`;
  }
  return `No recovery: ${reason === null ? `${isolated(metric.label)} is undefined here.` : sentence(reason)}`;
}

/** The total effect that a path is part of, as a number to read. */
export function wholeText({ whole, metric }: Finding): string | undefined {
  return whole === undefined || whole === null ? undefined : effectNumber(whole, metric);
}

function frozenAlone(name: string): string {
  return `${name}, and nothing else is patched: all stays as it was.`;
}

/** The finding, in one sentence. */
export function findingSentence(f: Finding): string {
  const path = pathOf(f.patches);
  const scope = pairScope(f.pair, f.nPairs);
  if (path !== undefined)
    return scope + pathSentence(path, effectNumber(f.reading.effect, f.metric), wholeText(f));
  if (f.reading.share === null) return undefinedRecovery(f.runs, f.metric, f.reading.reason);
  if (notFrozen(f.patches).length === 0) return scope + frozenAlone(patchName(f.patches, f.model));
  const name = patchName(f.patches, f.model);
  const denoise = f.direction === "denoise";
  const brought = notFrozen(f.patches);
  const many = denoise && brought.length > 1;
  const made = madeSource(brought);
  const said = allCut(f.patches)
    ? cutSentence(name, f.direction, f.reading.share)
    : made !== undefined
      ? sourceSentence(made, f.patches, f.model, f.direction, f.reading.share)
      : denoise
        ? denoised(name, many, f.reading.share)
        : noised(name, f.reading.share);
  const top = topChange(f, many);
  const comma = top.startsWith(" and") && said.includes(":") ? "," : "";
  const finding = scope === "" ? sentenceCase(said) : said.replace(/^Corrupting/, "corrupting");
  return `${scope}${finding}${comma}${top}.`;
}

/** One sentence for the aria-live line. */
export function announcement(f: Finding): string {
  const value = `${isolated(f.metric.label)} ${metricNumber(f.reading.value, f.metric)}`;
  const effect = `effect ${effectNumber(f.reading.effect, f.metric)}`;
  return `${findingSentence(f)} ${sentenceCase(value)}, ${effect}.`;
}
