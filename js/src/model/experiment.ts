/** The experiment that the page shows: the model, the task, the metrics and the two unpatched runs. */

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

export interface TaskInfo {
  readonly clean: readonly string[];
  readonly corrupted: readonly string[];
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
