/** What a head reads and writes, and what feeds it: the page's questions about one head, and the kernel's answers. */

import type { Direction, Lane, ShownPair } from "./experiment";
import { type PatchRequest, patchesKey } from "./patch";
import type { Grid } from "./result";
import { parseSite } from "./site";

export interface HeadRequest extends Omit<PatchRequest, "edits"> {
  readonly head: string;
  /** Of the query, and of what is written; in the clean prompt. */
  readonly position: number;
  /** All queries, not only the one at the position. */
  readonly whole: boolean;
}

export interface WrittenToken {
  readonly token: string;
  readonly logit: number;
}

export interface Written {
  readonly up: readonly WrittenToken[];
  readonly down: readonly WrittenToken[];
}

export interface HeadFacts {
  readonly head: string;
  readonly position: number;
  readonly patches: PatchRequest["patches"];
  readonly direction: Direction;
  readonly pair: ShownPair;
  readonly whole: boolean;
  /** Why there is no attention to see. */
  readonly noAttention: string | null;
  /** `[query, key]` over the tokens of each run's own prompt; one query unless `whole`. */
  readonly attention: Partial<Readonly<Record<Lane, Grid>>>;
  readonly nothingWritten: string | null;
  readonly written: Partial<Readonly<Record<Lane, Written>>>;
}

export interface SendersRequest {
  readonly head: string;
  readonly direction: Direction;
  readonly metric: string;
  readonly pair: ShownPair;
}

export interface Effect {
  readonly effect: number | null;
  readonly share: number | null;
}

export interface Sender extends Effect {
  readonly site: string;
}

/** What a head reads the stream with. */
export type Part = "q" | "k" | "v";

export const PARTS: readonly Part[] = ["q", "k", "v"];

export interface FedPart {
  readonly part: Part;
  /** As sites have it, `L23.KV1.k`; null where the model has none. */
  readonly name: string | null;
  readonly reason: string | null;
  /** How many senders there are; the strongest are named. */
  readonly n: number;
  readonly senders: readonly Sender[];
}

export interface SenderFacts {
  readonly head: string;
  readonly direction: Direction;
  readonly metric: string;
  readonly pair: ShownPair;
  readonly total: Effect;
  readonly direct: Effect;
  readonly parts: readonly FedPart[];
}

/** "L23.H3" of any site inside that head; undefined if it is none. */
export function headOf(text: string): string | undefined {
  const site = parseSite(text);
  const inHead = site?.layer !== undefined && site.unit?.startsWith("H");
  return inHead ? `L${site.layer}.${site.unit}` : undefined;
}

/** All that an answer about a head depends on. */
export function headKey(asked: Omit<HeadRequest, "metric">): string {
  const { head, position, whole, patches, direction, pair } = asked;
  return JSON.stringify([head, position, whole, patchesKey(patches), direction, pair]);
}

export function sendersKey({ head, direction, metric, pair }: SendersRequest): string {
  return JSON.stringify([head, direction, metric, pair]);
}
