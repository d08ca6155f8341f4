/** Every sentence on the screen. Pure text: colours and places are not known here. */

import type { Direction, MetricInfo, ModelInfo, Patch, Reading, Run, Single } from "../protocol";
import type { Connection, Problem } from "../state";
import { effectNumber, listed, metricNumber, percent, shortToken } from "./format";
import { baseOf, type Cell, cellOf, everythingBut, positionOf } from "./sites";

export const EMPTY = {
  denoise: "Click any box: the corrupted prompt is run again with that box's clean value.",
  noise: "Click any box: the clean prompt is run again with that box's corrupted value.",
} as const;

const HOST = { denoise: "corrupted", noise: "clean" } as const;
const SOURCE = { denoise: "clean", noise: "corrupted" } as const;

export const hostOf = (direction: Direction): "clean" | "corrupted" => HOST[direction];
export const sourceOf = (direction: Direction): "clean" | "corrupted" => SOURCE[direction];

/** The lane an explicit source names; "source" depends on the direction. */
export function laneOf(patch: Patch, direction: Direction): "clean" | "corrupted" {
  if (patch.source === "clean" || patch.source === "corrupted") return patch.source;
  return patch.source === "host" ? hostOf(direction) : sourceOf(direction);
}

function sameBases(patches: readonly Patch[], sites: readonly string[]): boolean {
  const bases = new Set(patches.map((p) => baseOf(p.site)));
  return bases.size === sites.length && sites.every((site) => bases.has(site));
}

/** "all heads of L23 but H3", when the patches are exactly that. */
function butName(patches: readonly Patch[], model: ModelInfo): string | undefined {
  const cells = patches.map((p) => cellOf(p.site)).filter((c): c is Cell => c !== undefined);
  const first = cells[0];
  if (patches.length < 2 || first === undefined) return undefined;
  const at = positionOf(patches[0]?.site ?? "");
  const where = at === undefined ? "" : ` @${at}`;
  if (patches.some((p) => positionOf(p.site) !== at)) return undefined;
  if (first.component === "z") {
    for (let index = 0; index < model.n_heads; index++) {
      const rest = everythingBut({ ...first, index }, model);
      if (rest !== undefined && sameBases(patches, rest)) {
        return `all heads of L${first.layer} but H${index}${where}`;
      }
    }
    return undefined;
  }
  for (let layer = 0; layer < model.n_layers; layer++) {
    const rest = everythingBut({ ...first, layer }, model);
    if (rest !== undefined && sameBases(patches, rest)) {
      return `all ${first.component} but L${layer}'s${where}`;
    }
  }
  return undefined;
}

/** The name of what is patched: "L23.H3", "L23.H3 and L20.H0", "7 sites". */
export function nameOf(patches: readonly Patch[], model: ModelInfo): string {
  const but = butName(patches, model);
  if (but !== undefined) return but;
  return patches.length > 3 ? `${patches.length} sites` : listed(patches.map((p) => p.site));
}

/** "clean", or what else a patch may bring: the host's own value, one given in Python. */
function valueWord(patches: readonly Patch[], direction: Direction): string {
  const sources = new Set(
    patches.map((p) => (p.source === "source" ? sourceOf(direction) : p.source)),
  );
  const [only, ...more] = sources;
  if (only === undefined || more.length > 0) return "chosen";
  return only === "host" ? "own" : only === "other" ? "given" : only;
}

/** What was done, and what its number may be taken to mean. Three parts: the middle is stressed. */
export function caption(
  patches: readonly Patch[],
  direction: Direction,
  model: ModelInfo,
): readonly [string, string, string] {
  const name = nameOf(patches, model);
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

/** "and puts ␣Mary back on top", where the likeliest token changed. */
function topChange(f: Found, plural: boolean): string {
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

export interface Found {
  readonly patches: readonly Patch[];
  readonly direction: Direction;
  readonly reading: Reading;
  readonly patched: Run;
  readonly runs: { readonly clean: Run; readonly corrupted: Run };
  readonly metric: MetricInfo;
  readonly model: ModelInfo;
  readonly nPairs: number;
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Why there is no recovery: both prompts give the same, or what the kernel says. */
export function undefinedRecovery(
  runs: Found["runs"],
  metric: MetricInfo,
  reason: string | null,
): string {
  const [clean, corrupted] = [runs.clean.values[metric.name], runs.corrupted.values[metric.name]];
  const [a, b] = [metricNumber(clean, metric), metricNumber(corrupted, metric)];
  if (a === b && a !== "undefined") {
    return `No recovery: both prompts give ${a}. Change a prompt, the answer or the metric.`;
  }
  return `No recovery: ${reason ?? `${metric.label} is undefined here`}.`.replace(/\.\.$/, ".");
}

/** The finding, in one sentence. */
export function finding(f: Found): string {
  if (f.reading.share === null) return undefinedRecovery(f.runs, f.metric, f.reading.reason);
  const name = nameOf(f.patches, f.model);
  const denoise = f.direction === "denoise";
  const many = denoise && f.patches.length > 1;
  const said = denoise ? denoised(name, many, f.reading.share) : noised(name, f.reading.share);
  const top = topChange(f, many);
  const joint = top === "" ? "" : said.includes(":") ? ", " : " ";
  return `${sentenceCase(said)}${joint}${top}.`;
}

/** Joint against the sum of the parts. */
export function together(
  joint: Reading,
  singles: readonly Single[],
  metric: MetricInfo,
): string | undefined {
  const alone = singles.map((s) => s.readings[metric.name]?.effect ?? Number.NaN);
  if (joint.effect === null || alone.length < 2 || alone.some(Number.isNaN)) return undefined;
  const sum = alone.reduce((a, b) => a + b, 0);
  const show = (x: number) => effectNumber(x, metric);
  const parts =
    alone.length <= 3
      ? `${listed(alone.map(show))} (sum ${show(sum)})`
      : `their sum is ${show(sum)}`;
  return `Together ${show(joint.effect)}; alone ${parts}: ${relation(joint.effect, sum, metric.noise_floor)}.`;
}

function relation(joint: number, sum: number, floor: number): string {
  const tolerance = Math.max(0.1 * Math.max(Math.abs(joint), Math.abs(sum)), 2 * floor);
  if (Math.abs(joint - sum) <= tolerance) return "they add up";
  if (joint * sum < 0) return "they work against each other";
  return Math.abs(joint) > Math.abs(sum) ? "they need each other" : "they overlap";
}

/** The limit of a finding in few words, where its full caption has no room. */
export const LIMIT = {
  denoise: "Enough here; not shown to be needed.",
  noise: "Needed here; not shown to be enough.",
} as const;

/** What the connection has to say; undefined while there is nothing wrong. */
export function connectionWords(
  connection: Connection,
  waiting: string | undefined,
  shown: string | undefined,
): string | undefined {
  switch (connection) {
    case "live":
      return undefined;
    case "busy":
      return `The kernel is busy with another cell.${waiting ? ` ${waiting} is waiting.` : ""}`;
    case "gone":
      return `No Python is answering. Run this cell again.${shown ? ` You see the last result, ${shown}.` : ""}`;
    case "restarted":
      return "The kernel restarted. Run the notebook from the top.";
  }
}

export function problemWords({ site, message }: Problem): string {
  const said = message.replace(/\.?$/, ".");
  const named = site === undefined || said.startsWith(site) || site.includes("+");
  return `${named ? said : `${site} failed: ${said}`} The model is unchanged.`;
}

/** "No L5.resid_mid here: attention and MLP run in parallel. …" */
export function refusedWords(site: string, reason: string): string {
  return `No ${site} here: ${reason.replace(/\.?$/, ".")}`;
}

export function foldWords(count: number, before: boolean): string {
  return before ? `⋯ ${count} identical tokens · exactly 0` : `⋯ ${count} identical`;
}

/** One sentence for the aria-live line. */
export function announcement(f: Found): string {
  const value = `${f.metric.label} ${metricNumber(f.reading.value, f.metric)}`;
  const effect = `effect ${effectNumber(f.reading.effect, f.metric)}`;
  return `${finding(f)} ${sentenceCase(value)}, ${effect}.`;
}
