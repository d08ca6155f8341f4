/** Sources in words: what was put into the host, what it did, and what its number may be taken to mean. */

import { type Direction, hostOf, type ModelInfo, sourceOf } from "../model/experiment";
import { isCut, notFrozen, type Patch } from "../model/patch";
import { isolated } from "../model/printable";
import { positionOf } from "../model/site";
import { isMade, type Made, type MadeKind, type Source, sourceKey } from "../model/source";
import { type Extent, extentOf } from "./extent";
import { besidesFrozen, patchName } from "./names";
import { percent, plainNumber } from "./numbers";

/** What a source is called in a list. */
export function sourceLabel(source: Made): string {
  if (source.kind === "mean")
    return source.per === null ? "mean over positions" : "mean over pairs";
  return LABELS[source.kind];
}

const LABELS: Readonly<Record<MadeKind, string>> = {
  zero: "zero",
  mean: "mean",
  resample: "other prompts",
  noise: "noise",
  steer: "steer",
  at: "another position",
};

/** The same where there is room for a word: in a box, in a row of the history. */
export function shortSource(source: Source): string | undefined {
  if (!isMade(source)) return undefined;
  if (source.kind === "steer") return `α ${plainNumber(source.alpha ?? 1)}`;
  if (source.kind === "at") return `@${isolated(otherPosition(source))}`;
  return source.kind === "resample" ? "other" : source.kind;
}

function otherPosition(source: Made): string {
  return source.pos === undefined ? (positionOf(source.site ?? "") ?? "all") : `${source.pos}`;
}

/** The source of all patches that bring something, if all of them have the same one with values of its own. */
export function madeSource(patches: readonly Patch[]): Made | undefined {
  const brought = notFrozen(patches);
  const [first] = brought;
  if (first === undefined || isCut(first) || !isMade(first.source)) return undefined;
  const { source } = first;
  if (source.kind !== "at") {
    const key = sourceKey(source);
    return brought.every((patch) => sourceKey(patch.source) === key) ? source : undefined;
  }
  const at = otherPosition(source);
  const same = (patch: Patch) =>
    isMade(patch.source) && patch.source.kind === "at" && otherPosition(patch.source) === at;
  return brought.every(same) ? source : undefined;
}

/** How many draws: "5 draws". */
function draws({ n = 1 }: Made): string {
  return n === 1 ? "1 draw" : `${n} draws`;
}

/** "Setting L23.H3 to zero", as the beginning of a sentence. */
function doing(source: Made, name: string, direction: Direction, many: boolean): string {
  const their = many ? "their" : "its";
  switch (source.kind) {
    case "zero":
      return `Setting ${name} to zero`;
    case "mean":
      return `Setting ${name} to ${their} ${sourceLabel(source)}`;
    case "resample":
      return `Giving ${name} ${their} values in other prompts`;
    case "noise":
      return `Noise on ${name}`;
    case "steer":
      return `Steering ${name} by α = ${plainNumber(source.alpha ?? 1)}`;
    case "at":
      return `Giving ${name} ${their} ${runOf(source, direction)} value of @${isolated(otherPosition(source))}`;
  }
}

function runOf({ run = "source" }: Made, direction: Direction): string {
  return run === "source" ? sourceOf(direction) : run === "host" ? hostOf(direction) : run;
}

const ofDifference = (share: number) =>
  Math.abs(share) < 0.0005 && share !== 0
    ? "under 0.1 % of the difference"
    : `${percent(share)} of the difference`;

/** What a source of its own did to the metric of the host. */
export function sourceSentence(
  source: Made,
  patches: readonly Patch[],
  model: ModelInfo,
  direction: Direction,
  share: number,
): string {
  const brought = notFrozen(patches);
  const name = patchName(brought, model);
  const did = doing(source, name, direction, brought.length > 1) + besidesFrozen(patches, model);
  const extent = extentOf(share);
  if (share === 0) return `${did} changes nothing: exactly 0`;
  if (extent === "little") return `${did} changes little: ${ofDifference(share)}`;
  if (direction === "noise")
    return extent === "against"
      ? `${did} helps the answer: ${ofDifference(-share)}`
      : `${did} costs ${ofDifference(share)}`;
  if (extent === "against") return `${did} pushes away from the clean answer: ${percent(share)}`;
  return extent === "over"
    ? `${did} overshoots: ${ofDifference(share)}`
    : `${did} restores ${ofDifference(share)}`;
}

type Parts = readonly [string, string, string];

const USED: Readonly<Record<Direction, Readonly<Record<Extent, Parts>>>> = {
  noise: {
    over: ["a large drop means the model ", "uses", " it here"],
    part: ["a large drop means the model ", "uses", " it here"],
    little: ["a drop near 0 means it is ", "not needed", " here; others may stand in for it"],
    against: ["below 0 means it works ", "against", " the answer here"],
  },
  denoise: {
    over: ["a high number means it ", "held the clean answer back", " here"],
    part: ["a high number means it ", "held the clean answer back", " here"],
    little: ["a number near 0 means it ", "held nothing back", " here"],
    against: ["below 0 means it ", "spoke for the clean answer", " even here"],
  },
};

/** What the kind of ablation leaves open. */
const CAVEATS: Readonly<Partial<Record<MadeKind, string>>> = {
  zero: "; zeros may be a state that it never sees",
  mean: ", beyond its average",
  resample: ", beyond what it says in other prompts",
};

const PLURALS: readonly (readonly [RegExp, string])[] = [
  [/\bit is\b/g, "they are"],
  [/\bit works\b/g, "they work"],
  [/\bit says\b/g, "they say"],
  [/\bit held\b/g, "they held"],
  [/\bit spoke\b/g, "they spoke"],
  [/\bmeans it\b/g, "means they"],
  [/\bits\b/g, "their"],
  [/\bit\b/g, "them"],
];

function plural(text: string): string {
  return PLURALS.reduce((said, [one, more]) => said.replace(one, more), text);
}

/** "The clean run with L23.H3 set to zero". */
function done(source: Made, name: string, direction: Direction, many: boolean): string {
  const run = `The ${hostOf(direction)} run`;
  switch (source.kind) {
    case "zero":
      return `${run} with ${name} set to zero`;
    case "mean":
      return `${run} with ${name} at ${many ? "their" : "its"} ${sourceLabel(source)}`;
    case "resample":
      return `${run} with ${name} from other prompts, ${draws(source)}`;
    case "noise":
      return `${run} with noise on ${name}, ${draws(source)}`;
    case "steer":
      return `${run} with ${plainNumber(source.alpha ?? 1)} × (clean − corrupted) added to ${name}`;
    case "at":
      return `${run} gets ${name}'s ${runOf(source, direction)} value of @${isolated(otherPosition(source))}`;
  }
}

/** What was done and what its number means, in three parts; the middle one is stressed. */
export function sourceCaption(
  source: Made,
  patches: readonly Patch[],
  model: ModelInfo,
  direction: Direction,
  share: number | null,
): Parts {
  const brought = notFrozen(patches);
  const many = brought.length > 1;
  const begin =
    done(source, patchName(brought, model), direction, many) + besidesFrozen(patches, model);
  if (source.kind === "steer") {
    const whole = direction === "denoise" ? "1 would be its clean" : "−1 would be its corrupted";
    return [`${begin}: a `, "dose", `; α = ${many ? whole.replace("its", "their") : whole} value.`];
  }
  if (source.kind === "at")
    return [`${begin}; a large effect means that it is `, "of use", " here too."];
  const extent = share === null ? "part" : extentOf(share);
  const [before, stressed, after] = USED[direction][extent];
  const used = direction === "noise" && (extent === "over" || extent === "part");
  const end = `${after}${used ? (CAVEATS[source.kind] ?? "") : ""}.`;
  const parts: Parts =
    source.kind === "noise" && used
      ? [`${begin}; a large drop means the answer `, "depends", " on what is read there."]
      : [`${begin}; ${before}`, stressed, end];
  return many ? [parts[0], plural(parts[1]), plural(parts[2])] : parts;
}

/** What a click will do. */
export function nothingPatched(source: Source, direction: Direction): string {
  const [host, other] = [hostOf(direction), sourceOf(direction)];
  const again = `the ${host} prompt is run again with`;
  if (!isMade(source)) return `Click any box: ${again} that box's ${other} value.`;
  switch (source.kind) {
    case "zero":
      return `Click any box: ${again} that box set to zero.`;
    case "mean":
      return `Click any box: ${again} that box at its ${sourceLabel(source)}.`;
    case "resample":
      return `Click any box: ${again} what other prompts have in that box, in ${draws(source)}.`;
    case "noise":
      return `Click a token: ${again} noise on its embedding, in ${draws(source)}.`;
    case "steer":
      return `Click any box: ${again} ${plainNumber(source.alpha ?? 1)} × (clean − corrupted) added there.`;
    case "at":
      return `Click any box: ${again} what the ${runOf(source, direction)} run has there at @${isolated(otherPosition(source))}.`;
  }
}

export const NOISE_ON_TOKENS =
  "Noise goes onto the embedding of a token: click a token of the prompt.";

export const NO_NOISE_MAP =
  "No map: noise goes onto the embedding of a token, before layer 0. Choose another source for one.";
