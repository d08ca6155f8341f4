/** Small functions on numbers. */

/** The whole numbers from `first` on. */
export function range(count: number, first = 0): readonly number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
