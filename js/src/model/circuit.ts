/** A circuit: the selection, run alone while everything else is ablated; and the curve over how much is kept. */

import type { Direction } from "./experiment";
import { type Source, sourceKey } from "./source";

/** What circuits are measured with. */
interface CircuitView {
  readonly direction: Direction;
  readonly metric: string;
  /** What the rest gets; "source" is the other run. */
  readonly source: Source;
}

export interface CircuitRequest extends CircuitView {
  /** Its members; what they are patched with does not matter. */
  readonly patches: readonly { readonly site: string }[];
}

export type CurveRequest = CircuitView;

/** Random circuits of the same size: how many, and where most of them lie. */
interface RandomBand {
  readonly n: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface CircuitFacts extends CircuitView {
  readonly sites: readonly string[];
  readonly value: number | null;
  /** The part of the difference that stays where only the circuit is kept. */
  readonly faithfulness: number | null;
  /** The same where only the rest is kept. */
  readonly completeness: number | null;
  readonly reason: string | null;
  readonly random: RandomBand;
  /** As lines of Python. */
  readonly code: string;
}

export interface CurvePoint {
  /** How many heads are kept. */
  readonly n: number;
  readonly faithfulness: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface CurveFacts extends CircuitView {
  readonly total: number;
  readonly points: readonly CurvePoint[];
  readonly reason: string | null;
}

function viewKey({ direction, metric, source }: CircuitView): string {
  return JSON.stringify([direction, metric, sourceKey(source)]);
}

export function circuitKey(of: CircuitRequest | CircuitFacts): string {
  const sites = "sites" in of ? of.sites : of.patches.map(({ site }) => site);
  return `${[...sites].sort().join(" ")} ${viewKey(of)}`;
}

export function curveKey(of: CurveRequest): string {
  return viewKey(of);
}
