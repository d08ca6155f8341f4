/** Patches of a saved page that certainly change nothing, whether or not they were computed. */

import { isFrozen, type Patch, type PatchRequest } from "../model/patch";
import { positionOf } from "../model/site";

/** Before and after which position a copy changes nothing that a metric reads; null where that is not certain. */
export interface CertainZero {
  readonly before: number;
  readonly after: number | null;
}

export type Zero = "same so far" | "not read";

/** Why a copy at one position changes nothing; undefined if it may, or if its position is no index. */
export function zeroAt(site: string, certain: CertainZero | undefined): Zero | undefined {
  const written = positionOf(site) ?? "";
  if (certain === undefined || site.includes("->") || !/^\d+$/.test(written)) return undefined;
  const { before, after } = certain;
  if (Number(written) < before) return "same so far";
  return after !== null && Number(written) > after ? "not read" : undefined;
}

/** The patches without those that write what is there anyway. */
export function thatChange(
  { patches, edits }: Pick<PatchRequest, "patches"> & Partial<PatchRequest>,
  zero: (site: string) => Zero | undefined,
): readonly Patch[] {
  const copies = patches.every(({ source = "source" }) => source === "source" || source === "host");
  if (!copies || (edits ?? []).length > 0) return patches;
  if (patches.every(isFrozen)) return [];
  return patches.filter(({ site }) => zero(site) !== "same so far");
}
