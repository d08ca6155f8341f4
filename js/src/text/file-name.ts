/** What a file is called: after the finding, "L23.H3+L20.H0-denoise.svg". */

import type { Direction, ModelInfo } from "../model/experiment";
import { safeName } from "../model/file";
import type { Patch } from "../model/patch";
import { patchName } from "./names";

const MOST_NAMED = 3;

export function fileName(
  patches: readonly Patch[],
  direction: Direction,
  model: ModelInfo,
  end: string,
): string {
  const sites = patches.map(({ site }) => site.replace(/\s*->\s*/g, "-to-"));
  const named = sites.length > MOST_NAMED ? patchName(patches, model) : sites.join("+");
  return safeName(`${named === "" ? "nothing-patched" : named}-${direction}.${end}`);
}
