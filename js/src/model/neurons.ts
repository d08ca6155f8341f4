/** The neurons of the largest effect, of one layer or of all. */

import type { Direction, ShownPair } from "./experiment";

export interface NeuronsRequest {
  /** null for all layers. */
  readonly layer: number | null;
  readonly top: number;
  readonly direction: Direction;
  readonly metric: string;
  readonly pair: ShownPair;
}

interface Neuron {
  readonly site: string;
  readonly effect: number | null;
  readonly share: number | null;
}

export interface NeuronList {
  /** Among how many they were chosen. */
  readonly of: number;
  /** Those of the largest effect first. */
  readonly neurons: readonly Neuron[];
}

export function sameNeurons(a: NeuronsRequest | undefined, b: NeuronsRequest): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
