/** What a number may be taken to mean, and what not: the caption under a finding. */

import { type Direction, type ModelInfo, sourceOf } from "../model/experiment";
import { isFrozen, notFrozen, type Patch } from "../model/patch";
import { allCut, cutCaption } from "./cut";
import { type Extent, extentOf } from "./extent";
import { patchName } from "./names";
import { percent } from "./numbers";
import { madeSource, sourceCaption } from "./source";

/** Whose values the patches bring: "clean", "corrupted", "chosen". */
function valueWord(patches: readonly Patch[], direction: Direction): string {
  const sources = new Set(
    patches.map(({ source }) => {
      if (typeof source === "object") return "chosen";
      return source === "source" ? sourceOf(direction) : source;
    }),
  );
  const [only = "chosen", ...more] = sources;
  return more.length > 0 ? "chosen" : only;
}

/** Condition, verb, what is stressed, what does not follow; "it" and "its" stand for one patch. */
type Limit = readonly [string, "is" | "works", string, string];

const LIMITS: Readonly<Record<Direction, Readonly<Record<Extent, Limit>>>> = {
  denoise: {
    over: ["over 100 %", "is", "more than enough", " here, not that the model needs it"],
    part: ["a high number", "is", "enough", " here, not that the model needs it"],
    little: ["a number near 0", "is", "not enough", " here, not that the model does without it"],
    against: ["below 0", "works", "against", " the clean answer here, not that it does elsewhere"],
  },
  noise: {
    over: ["over 100 %", "is", "needed", " here, not that it is enough alone"],
    part: ["a large drop", "is", "needed", " here, not that it is enough alone"],
    little: ["a drop near 0", "is", "not needed", " here; others may stand in for it"],
    against: ["below 0", "works", "against", " the answer here, not that it does elsewhere"],
  },
};

const PLURAL: Readonly<Record<string, string>> = {
  "it is": "they are",
  "it does": "they do",
  "needs it": "needs them",
  "without it": "without them",
  "for it": "for them",
};

function plural(text: string): string {
  return text.replace(/it is|it does|needs it|without it|for it/g, (one) => PLURAL[one] ?? one);
}

const FROZEN_ALONE: readonly [string, string, string] = [
  "Click a box before it: what is ",
  "frozen",
  " no longer follows, and the effect that is left goes another way.",
];

/** Sites whatever is written there. */
function namedSites(patches: readonly Patch[], model: ModelInfo): string {
  const named = patches.map(({ site }): Patch => ({ site, source: "source" }));
  return patchName(named, model);
}

/** What was done and what its number means, in three parts; the middle one is stressed. */
export function caption(
  patches: readonly Patch[],
  direction: Direction,
  model: ModelInfo,
  share: number | null,
): readonly [string, string, string] {
  const brought = notFrozen(patches);
  if (brought.length === 0) return FROZEN_ALONE;
  if (allCut(patches)) return cutCaption(patchName(patches, model), direction, share);
  const name = patchName(brought, model);
  const many = brought.length > 1;
  const made = madeSource(brought);
  if (made !== undefined) return sourceCaption(made, patches, model, direction, share);
  const source = valueWord(brought, direction);
  const host = direction === "denoise" ? "corrupted" : "clean";
  const frozen = patches.filter(isFrozen);
  const kept = frozen.length === 0 ? "" : ` and keeps its own of ${namedSites(frozen, model)}`;
  const what = `${many ? `the ${source} values of ${name}` : `${name}'s ${source} value`}${kept}`;
  const [condition, verb, stressed, end] =
    LIMITS[direction][share === null ? "part" : extentOf(share)];
  const they = verb === "is" ? (many ? "they are" : "it is") : many ? "they work" : "it works";
  const after = `${many ? plural(end) : end}.`;
  return [`The ${host} run gets ${what}; ${condition} means ${they} `, stressed, after];
}

/** What a joint patch does not show, where its full caption has no room. */
export function shortLimit(direction: Direction, share: number | null): string {
  if (share === null) return "";
  const extent = extentOf(share);
  if (extent === "against") return "They work against the clean answer here.";
  if (direction === "denoise") {
    if (extent === "little") return "Not enough here; they may still be needed.";
    const part = extent === "over" ? "More than enough" : `Enough for ${percent(share)}`;
    return `${part} here; not shown to be needed.`;
  }
  if (extent === "little") return "Not needed here; others may stand in for them.";
  return `Needed for ${extent === "over" ? "all of it" : percent(share)} here; not shown to be enough.`;
}
