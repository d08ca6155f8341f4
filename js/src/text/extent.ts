/** How far a patch went, in words that sentences choose by. */

/** How far a patch went; every sentence depends on it. */
export type Extent = "over" | "part" | "little" | "against";

export function extentOf(share: number): Extent {
  if (share > 1.05) return "over";
  if (share >= 0.05) return "part";
  return share > -0.05 ? "little" : "against";
}
