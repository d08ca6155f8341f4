/** The finding in sentences: what a patch did, and what its number may be taken to mean. */

import {
  type Direction,
  hostOf,
  type MetricInfo,
  type ModelInfo,
  type Prompt,
  type Run,
  sourceOf,
} from "../model/experiment";
import type { Patch } from "../model/patch";
import { isolated } from "../model/printable";
import type { Reading } from "../model/result";
import { patchName } from "./names";
import { effectNumber, metricNumber, percent } from "./numbers";
import { sentence } from "./status";
import { shortToken } from "./tokens";

export const NOTHING_PATCHED = {
  denoise: "Click any box: the corrupted prompt is run again with that box's clean value.",
  noise: "Click any box: the clean prompt is run again with that box's corrupted value.",
} as const;

/** Whose values the patches bring: "clean", "corrupted", the host's "own". */
function valueWord(patches: readonly Patch[], direction: Direction): string {
  const sources = new Set(
    patches.map((p) => (p.source === "source" ? sourceOf(direction) : p.source)),
  );
  const [only, ...more] = sources;
  if (only === undefined || more.length > 0) return "chosen";
  return only === "host" ? "own" : only;
}

/** What was done and what its number means, in three parts; the middle one is stressed. */
export function caption(
  patches: readonly Patch[],
  direction: Direction,
  model: ModelInfo,
): readonly [string, string, string] {
  const name = patchName(patches, model);
  const many = patches.length > 1;
  const source = valueWord(patches, direction);
  const what = many ? `the ${source} values of ${name}` : `${name}'s ${source} value`;
  const it = many ? "they are" : "it is";
  if (direction === "denoise") {
    const end = ` here, not that the model needs ${many ? "them" : "it"}.`;
    return [`The corrupted run gets ${what}; a high number means ${it} `, "enough", end];
  }
  const end = ` here, not that ${many ? "they are" : "it is"} enough alone.`;
  return [`The clean run gets ${what}; a large drop means ${it} `, "needed", end];
}

/** "and puts ␣Mary back on top", if the most likely token changed. */
function topChange(f: Finding, plural: boolean): string {
  const top = (run: Run) => run.top[0]?.token;
  const [before, after] = [top(f.runs[hostOf(f.direction)]), top(f.patched)];
  if (before === undefined || after === undefined || before === after) return "";
  const back = f.direction === "denoise" && after === top(f.runs.clean) ? " back" : "";
  const where = f.nPairs > 1 ? " in pair 1" : "";
  return `and put${plural ? "" : "s"} ${shortToken(after)}${back} on top${where}`;
}

function denoised(name: string, many: boolean, share: number): string {
  const s = many ? "" : "s";
  if (share > 1.05) return `${name} overshoot${s}: ${percent(share)} of the difference`;
  if (share >= 0.05) return `${name} restore${s} ${percent(share)} of the difference`;
  if (share > -0.05) return `${name} change${s} little: ${percent(share)} of the difference`;
  return `${name} push${many ? "" : "es"} away from the clean answer: ${percent(share)}`;
}

function noised(name: string, share: number): string {
  if (share > 1.05)
    return `Corrupting ${name} overshoots: ${percent(share)} of the difference is lost`;
  if (share >= 0.05) return `Corrupting ${name} costs ${percent(share)} of the difference`;
  if (share > -0.05)
    return `Corrupting ${name} changes little: ${percent(share)} of the difference`;
  return `Corrupting ${name} helps the answer: ${percent(-share)} of the difference`;
}

export interface Finding {
  readonly patches: readonly Patch[];
  readonly direction: Direction;
  readonly reading: Reading;
  readonly patched: Run;
  readonly runs: Readonly<Record<Prompt, Run>>;
  readonly metric: MetricInfo;
  readonly model: ModelInfo;
  readonly nPairs: number;
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

/** The finding, in one sentence. */
export function findingSentence(f: Finding): string {
  if (f.reading.share === null) return undefinedRecovery(f.runs, f.metric, f.reading.reason);
  const name = patchName(f.patches, f.model);
  const denoise = f.direction === "denoise";
  const many = denoise && f.patches.length > 1;
  const said = denoise ? denoised(name, many, f.reading.share) : noised(name, f.reading.share);
  const top = topChange(f, many);
  const joint = top === "" ? "" : said.includes(":") ? ", " : " ";
  return `${sentenceCase(said)}${joint}${top}.`;
}

/** What a finding does not show, where its full caption has no room. */
export const SHORT_LIMIT = {
  denoise: "Enough here; not shown to be needed.",
  noise: "Needed here; not shown to be enough.",
} as const;

/** One sentence for the aria-live line. */
export function announcement(f: Finding): string {
  const value = `${isolated(f.metric.label)} ${metricNumber(f.reading.value, f.metric)}`;
  const effect = `effect ${effectNumber(f.reading.effect, f.metric)}`;
  return `${findingSentence(f)} ${sentenceCase(value)}, ${effect}.`;
}
