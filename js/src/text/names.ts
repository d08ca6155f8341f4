/** What a set of patches is called: "L23.H3 and L20.H0", "7 sites", "all heads of L23 but H3". */

import { type Cell, everythingBut, exactCell } from "../model/cell";
import type { ModelInfo } from "../model/experiment";
import type { Patch } from "../model/patch";
import { isolated } from "../model/printable";
import { positionOf, withoutPosition } from "../model/site";

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`;
}

function sameBases(patches: readonly Patch[], sites: readonly string[]): boolean {
  const bases = new Set(patches.map((p) => withoutPosition(p.site)));
  return bases.size === sites.length && sites.every((site) => bases.has(site));
}

/** "all heads of L23 but H3", when the patches are exactly that. */
function butName(patches: readonly Patch[], model: ModelInfo): string | undefined {
  const cells = patches.map((p) => exactCell(p.site)).filter((c): c is Cell => c !== undefined);
  const first = cells[0];
  if (patches.length < 2 || first === undefined) return undefined;
  const at = positionOf(patches[0]?.site ?? "");
  const where = at === undefined ? "" : ` @${isolated(at)}`;
  if (patches.some((p) => positionOf(p.site) !== at)) return undefined;
  if (first.component === "z") {
    for (let index = 0; index < model.n_heads; index++) {
      const rest = everythingBut({ ...first, index }, model);
      if (rest !== undefined && sameBases(patches, rest)) {
        return `all heads of L${first.layer} but H${index}${where}`;
      }
    }
    return undefined;
  }
  for (let layer = 0; layer < model.n_layers; layer++) {
    const rest = everythingBut({ ...first, layer }, model);
    if (rest !== undefined && sameBases(patches, rest)) {
      return `all ${first.component} but L${layer}'s${where}`;
    }
  }
  return undefined;
}

/** "30 layers × 9 heads · float32 · cpu". */
export function modelFacts({ n_layers, n_heads, dtype, device }: ModelInfo): string {
  const facts = [`${n_layers} layers × ${n_heads} heads`, dtype, device];
  return facts.filter((fact) => fact !== "").join(" · ");
}

/** The name of what is patched: "L23.H3", "L23.H3 and L20.H0", "7 sites". */
export function patchName(patches: readonly Patch[], model: ModelInfo): string {
  const but = butName(patches, model);
  if (but !== undefined) return but;
  return patches.length > 3
    ? `${patches.length} sites`
    : listed(patches.map((p) => isolated(p.site)));
}
