/** What the kernel answers to a patch: readings of the metrics, tokens, reach. */

import type { Run } from "./experiment";
import type { PatchRequest } from "./patch";

export interface Reading {
  readonly value: number | null;
  readonly effect: number | null;
  readonly share: number | null;
  readonly recovery: number | null;
  readonly reason: string | null;
  /** Of a source that is drawn at random: how many draws, and how much the effect varies between them. */
  readonly draws?: number;
  readonly spread?: number | null;
}

export interface TokenScore {
  readonly logit: number;
  readonly prob: number;
}

/** One token in the three runs. */
export interface TokenComparison {
  readonly token: string;
  readonly clean: TokenScore;
  readonly patched: TokenScore;
  readonly corrupted: TokenScore;
}

/** A named array of numbers, row by row; NaN is undefined. */
export interface Grid {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** How far each component moved: grids named "z.along", "mlp_out.size", … at one position. */
export interface Reach {
  readonly position: number;
  readonly grids: Readonly<Record<string, Grid>>;
}

/** A patch with its numbers alone, as the history keeps it. */
export interface PastResult extends PatchRequest {
  readonly id: number;
  readonly readings: Readonly<Record<string, Reading>>;
}

export interface Result extends PastResult {
  readonly patched: Run;
  readonly tokens: readonly TokenComparison[];
  readonly reach: Reach | undefined;
}

export interface Single {
  readonly site: string;
  readonly readings: Readonly<Record<string, Reading>>;
}
