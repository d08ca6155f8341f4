/** Cut edges of attention in words. */

import { type Direction, hostOf } from "../model/experiment";
import { isCut, type Patch } from "../model/patch";
import { isolated } from "../model/printable";
import { positionOf, withoutPosition } from "../model/site";
import type { Cut } from "../model/source";
import { type Extent, extentOf } from "./extent";
import { percent } from "./numbers";

export const NO_EDGE = "Not in the run that is patched: this token has no counterpart there.";

export type CutPatch = Patch & { readonly source: Cut };

export function allCut(patches: readonly Patch[]): patches is readonly CutPatch[] {
  return patches.length > 0 && patches.every(isCut);
}

/** "L23.H3 @-1 → @9": the edge, from its query to its keys. */
export function cutName({ site, source }: CutPatch): string {
  const head = withoutPosition(site).replace(/\.pattern$/, "");
  const keys = source.keys.map((key) => `@${isolated(String(key))}`).join(", ");
  return `${isolated(head)} @${isolated(positionOf(site) ?? "all")} → ${keys}`;
}

type Parts = readonly [string, string, string];

/** What was done to the metric; what the number means, in three parts, of which the middle one is stressed. */
interface Said {
  readonly did: (name: string, share: number) => string;
  readonly means: Parts;
}

const OF_DIFFERENCE = (share: number) => `${percent(share)} of the difference`;

const costs: Said = {
  did: (name, share) => `Cutting ${name} costs ${OF_DIFFERENCE(share)}`,
  means: ["A large drop means the edge is ", "needed", " here, not that it is enough alone."],
};

const restores: Said = {
  did: (name, share) => `Cutting ${name} restores ${OF_DIFFERENCE(share)}`,
  means: ["A high number means the edge ", "held the clean answer back", " here."],
};

const little = (means: Parts): Said => ({
  did: (name, share) => `Cutting ${name} changes little: ${OF_DIFFERENCE(share)}`,
  means,
});

const SAID: Readonly<Record<Direction, Readonly<Record<Extent, Said>>>> = {
  noise: {
    over: costs,
    part: costs,
    little: little([
      "A drop near 0 means the edge is ",
      "not needed",
      " here; others may stand in for it.",
    ]),
    against: {
      did: (name, share) => `Cutting ${name} helps the answer: ${OF_DIFFERENCE(-share)}`,
      means: [
        "Below 0 means the edge works ",
        "against",
        " the answer here, not that it does elsewhere.",
      ],
    },
  },
  denoise: {
    over: restores,
    part: restores,
    little: little([
      "A number near 0 means the edge ",
      "held nothing back",
      " here, not that it is of no use.",
    ]),
    against: {
      did: (name, share) => `Cutting ${name} pushes away from the clean answer: ${percent(share)}`,
      means: ["Below 0 means the edge ", "spoke for the clean answer", " even here."],
    },
  },
};

/** What cutting edges did to the metric of the host. */
export function cutSentence(name: string, direction: Direction, share: number): string {
  return SAID[direction][extentOf(share)].did(name, share);
}

/** What was done and what its number means. */
export function cutCaption(name: string, direction: Direction, share: number | null): Parts {
  const done = `The ${hostOf(direction)} run no longer reads ${name}; the rest of the row is scaled up.`;
  const [before, stressed, after] =
    SAID[direction][share === null ? "part" : extentOf(share)].means;
  return [`${done} ${before}`, stressed, after];
}
