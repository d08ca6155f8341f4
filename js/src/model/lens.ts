/** A lens: what the residual stream of each run would say after every layer, were it the last one. */

import type { Direction, Lane, ShownPair } from "./experiment";
import { type PatchRequest, patchesKey } from "./patch";

export type LensMethod = "logit" | "jacobian";

export const LENS_METHODS: readonly LensMethod[] = ["logit", "jacobian"];

export interface LensRequest extends Omit<PatchRequest, "edits"> {
  readonly method: LensMethod;
  /** In the clean prompt. */
  readonly position: number;
}

interface LensToken {
  readonly token: string;
  readonly prob: number;
}

/** What the stream after one layer would say. */
export interface LensLayer {
  readonly top: readonly LensToken[];
  /** Null where no answer is followed. */
  readonly answer: { readonly prob: number; readonly rank: number } | null;
}

export interface LensFacts {
  readonly method: LensMethod;
  /** Those that the model has. */
  readonly methods: readonly LensMethod[];
  readonly position: number;
  readonly patches: PatchRequest["patches"];
  readonly direction: Direction;
  readonly pair: ShownPair;
  /** On which texts the lens was fitted. */
  readonly fit: string | null;
  /** Why no answer is followed. */
  readonly reason: string | null;
  readonly runs: Readonly<Record<Lane, readonly LensLayer[]>>;
}

export function lensKey(asked: Omit<LensRequest, "metric">): string {
  const { method, position, patches, direction, pair } = asked;
  return JSON.stringify([method, position, patchesKey(patches), direction, pair]);
}

/** Layers in a row whose streams say the same, so that they are one bead. */
export interface Bead {
  readonly first: number;
  readonly last: number;
  readonly token: string;
}

/** The beads of some layers, from the first on. */
export function beads(layers: readonly LensLayer[], first: number, count: number): readonly Bead[] {
  const out: Bead[] = [];
  layers.slice(first, first + count).forEach(({ top }, i) => {
    const token = top[0]?.token;
    const before = out.at(-1);
    if (token === undefined) return;
    if (before?.token === token && before.last === first + i - 1)
      out[out.length - 1] = { ...before, last: first + i };
    else out.push({ first: first + i, last: first + i, token });
  });
  return out;
}
