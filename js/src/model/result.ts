/** What the kernel answers to a patch: readings of the metrics, tokens, reach. */

import type { MetricInfo, Run, TaskInfo } from "./experiment";
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

/** A number of each pair; null where it is undefined. */
export type PairNumbers = readonly (number | null)[];

/** One metric of a result: its mean with an interval of the recovery, and the numbers of every pair. */
export interface OverPairs {
  readonly mean: Reading;
  readonly low: number | null;
  readonly high: number | null;
  /** Why there is no interval; null if there is one, or if the recovery has none. */
  readonly no_interval: string | null;
  readonly value: PairNumbers;
  readonly effect: PairNumbers;
  readonly share: PairNumbers;
  readonly recovery: PairNumbers;
}

/** A patch with its numbers alone, as the history keeps it. */
export interface PastResult extends PatchRequest {
  readonly id: number;
  readonly readings: Readonly<Record<string, Reading>>;
  /** Of a dataset: every pair's numbers, by metric. */
  readonly over_pairs?: Readonly<Record<string, OverPairs>> | undefined;
  /** What the kernel's history says about it; undefined elsewhere. */
  readonly note?: string | undefined;
  readonly pinned?: boolean | undefined;
}

export interface Result extends PastResult {
  readonly patched: Run;
  readonly tokens: readonly TokenComparison[];
  readonly reach: Reach | undefined;
  /** Of a dataset: the words and the unpatched runs that go with these numbers. */
  readonly task: TaskInfo | undefined;
  readonly runs: Readonly<Record<"clean" | "corrupted", Run>> | undefined;
  /** Of prompts that were edited: their noise floors. */
  readonly metrics: readonly MetricInfo[] | undefined;
}

export interface Single {
  readonly site: string;
  readonly readings: Readonly<Record<string, Reading>>;
}
