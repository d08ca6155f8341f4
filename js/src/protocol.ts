/** The messages between kernel and front end (docs/protocol.md), as types. Costs nothing at run time. */

export type Direction = "denoise" | "noise";
export type Lane = "clean" | "patched" | "corrupted";
/** "other": a run or a tensor given in Python, which cannot be asked for from here. */
export type Source = "source" | "clean" | "corrupted" | "host" | "other";
export type Position = "all" | number | string;

export interface Patch {
  readonly site: string;
  readonly source: Source;
}

/** All that an answer depends on. */
export interface PatchRequest {
  readonly patches: readonly Patch[];
  readonly direction: Direction;
  readonly metric: string;
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
  readonly n_kv_heads: number;
  readonly components: readonly string[];
  readonly refused: Readonly<Record<string, string>>;
  readonly checks: { readonly passed: boolean; readonly summary: string };
}

export interface TaskInfo {
  readonly clean: readonly string[];
  readonly corrupted: readonly string[];
  /** Positions of the clean prompt whose counterpart is another token, or that have none. */
  readonly differs: readonly number[];
  /** By position of the clean prompt that of the corrupted one; null where it has none. */
  readonly counterparts: readonly (number | null)[];
  readonly answer: readonly string[];
  readonly foil: readonly string[];
  readonly positions: Readonly<Record<string, number>>;
  readonly bos: string | null;
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
  readonly runs: { readonly clean: Run; readonly corrupted: Run };
  /** The kernel answers `sweep`; older ones, and saved pages, do not. */
  readonly can_sweep: boolean;
}

export interface Reading {
  readonly value: number | null;
  readonly effect: number | null;
  readonly share: number | null;
  readonly recovery: number | null;
  readonly reason: string | null;
}

export interface TokenScore {
  readonly logit: number;
  readonly prob: number;
}

export interface TokenRow {
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

export interface Result extends PatchRequest {
  readonly id: number;
  readonly readings: Readonly<Record<string, Reading>>;
  readonly patched: Run;
  readonly tokens: readonly TokenRow[];
  readonly reach: Reach | undefined;
  readonly seconds: number | null;
}

/** What the columns of a map are; its rows are layers. */
export type Across = "head" | "pos";

export interface MapAsked {
  readonly name: string;
  readonly component: string;
  readonly over: readonly ["layer", Across];
}

export interface SweepRequest {
  readonly maps: readonly MapAsked[];
  readonly direction: Direction;
  readonly metric: string;
}

/** A whole map so far. NaN in both arrays: not yet done; in `share` alone: undefined. */
export interface Cells {
  readonly id: number;
  readonly name: string;
  readonly component: string;
  readonly across: Across;
  readonly rows: number;
  readonly columns: number;
  readonly done: number;
  readonly total: number;
  /** How many are exactly 0 for certain, with nothing to compute. */
  readonly zero: number;
  /** Which cells have no counterpart to be patched with: row by row, as in `share`. */
  readonly unpatchable: ReadonlySet<number>;
  readonly exact: boolean;
  readonly secondsLeft: number | null;
  readonly share: ArrayLike<number>;
  readonly effect: ArrayLike<number>;
}

export interface Single {
  readonly site: string;
  readonly readings: Readonly<Record<string, Reading>>;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: string;
}

export type Incoming =
  | { readonly kind: "ack"; readonly id: number }
  | { readonly kind: "dropped"; readonly id: number; readonly why: string }
  | { readonly kind: "error"; readonly id: number; readonly failure: Failure }
  | { readonly kind: "scene"; readonly id: number; readonly scene: Scene }
  | { readonly kind: "result"; readonly id: number; readonly result: Result }
  | { readonly kind: "singles"; readonly id: number; readonly singles: readonly Single[] }
  | { readonly kind: "cells"; readonly id: number; readonly cells: Cells }
  | { readonly kind: "swept"; readonly id: number };

export type Outgoing =
  | { readonly v: 1; readonly kind: "hello"; readonly id: number }
  | ({ readonly v: 1; readonly kind: "patch"; readonly id: number } & PatchRequest)
  | ({ readonly v: 1; readonly kind: "sweep"; readonly id: number } & SweepRequest)
  | { readonly v: 1; readonly kind: "cancel"; readonly id: number };
