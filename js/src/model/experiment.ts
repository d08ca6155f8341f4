/** The experiment that the page shows: the model, the task, the metrics and the two unpatched runs. */

import type { Edit } from "./edit";
import type { Offered } from "./source";

export type Direction = "denoise" | "noise";

/** One of the two prompts, and its unpatched run. */
export type Prompt = "clean" | "corrupted";

export type Lane = "clean" | "patched" | "corrupted";

/** The runs that differ: while nothing is patched, the patched one is its host. */
export function shownLanes(patched: boolean): readonly Lane[] {
  return patched ? ["clean", "patched", "corrupted"] : ["clean", "corrupted"];
}

export interface TopToken {
  readonly token: string;
  readonly prob: number;
  readonly logit: number;
}

export interface Run {
  readonly values: Readonly<Record<string, number | null>>;
  readonly top: readonly TopToken[];
}

export interface ModelInfo {
  readonly name: string;
  readonly dtype: string;
  readonly device: string;
  readonly n_layers: number;
  readonly n_heads: number;
  /** Fewer than heads where several heads share keys and values. */
  readonly n_kv_heads: number;
  /** Attention and MLP of a layer read the same stream. */
  readonly parallel: boolean;
  readonly components: readonly string[];
  readonly refused: Readonly<Record<string, string>>;
  readonly checks: { readonly passed: boolean; readonly summary: string };
}

/** The number of a pair of a dataset, from 0, or the mean over all pairs. */
export type ShownPair = "mean" | number;

/** One pair of a dataset in words: the end of its clean prompt, its answer and its foil. */
export interface PairText {
  readonly clean: string;
  readonly answer: string;
  readonly foil: string;
}

export interface TaskInfo {
  /** Tokens; over the mean, a position's name stands where pairs differ. */
  readonly clean: readonly string[];
  readonly corrupted: readonly string[];
  /** Where names stand in place of tokens: positions of each prompt. */
  readonly varies: Readonly<Record<Prompt, readonly number[]>>;
  /** How each position is written in a site; undefined where it is its index. */
  readonly places: readonly string[] | undefined;
  /** The pair as it was written; undefined over the mean. */
  readonly text: Edit | undefined;
  /** The fewest and the most tokens of a clean prompt. */
  readonly lengths: readonly [number, number];
  /** Positions of the clean prompt whose counterpart is another token, or that have none. */
  readonly differs: readonly number[];
  /** For each position of the clean prompt, its counterpart in the corrupted one; null where it has none. */
  readonly counterparts: readonly (number | null)[];
  readonly answer: readonly string[];
  readonly foil: readonly string[];
  readonly positions: Readonly<Record<string, number>>;
  readonly n_pairs: number;
  readonly warnings: readonly string[];
}

export interface MetricInfo {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
  readonly lower_is_better: boolean;
  readonly noise_floor: number;
}

export interface Scene {
  readonly model: ModelInfo;
  /** What the task, the runs and every number are about. */
  readonly pair: ShownPair;
  /** Prompts that were written in place of the task's. */
  readonly edits: readonly Edit[];
  /** Of a dataset, each pair in words. */
  readonly pairs: readonly PairText[];
  readonly task: TaskInfo;
  readonly metrics: readonly MetricInfo[];
  readonly direction: Direction;
  readonly metric: string;
  readonly runs: Readonly<Record<Prompt, Run>>;
  /** What can be put into a host beside the two runs. */
  readonly sources: readonly Offered[];
  /** The kernel can fill maps: false if an answer has several tokens, and in a saved page. */
  readonly can_sweep: boolean;
}

/** The run that is patched. */
export function hostOf(direction: Direction): Prompt {
  return direction === "denoise" ? "corrupted" : "clean";
}

/** The run whose values are put into the host. */
export function sourceOf(direction: Direction): Prompt {
  return direction === "denoise" ? "clean" : "corrupted";
}

/** Where the metric moved: +1 is towards clean, whichever run is the host. */
export function towardsClean(share: number, direction: Direction): number {
  return direction === "denoise" ? share : -share;
}

/** Why a component cannot be patched in this model; undefined where it can. */
export function refusalReason(scene: Scene, component: string): string | undefined {
  return scene.model.refused[component];
}
