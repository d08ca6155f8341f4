/** What a set of patches is called: "L23.H3 and L20.H0", "7 sites", "all heads but L20.H0 and L23.H3". */

import { type Cell, cellName, everythingBut, exactCell } from "../model/cell";
import type { ModelInfo } from "../model/experiment";
import { isCut, isFrozen, notFrozen, type Patch } from "../model/patch";
import { parsePath } from "../model/path";
import { isolated } from "../model/printable";
import { positionOf } from "../model/site";
import { cutName } from "./cut";
import { pathName } from "./paths";

/** The most sites that are named one by one. */
const MOST_NAMED = 3;

const KINDS = { z: "heads", attn_out: "attn_out", mlp_out: "MLPs", resid_post: "streams" } as const;

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`;
}

/** " @-1", if all patches are at that position; undefined if they are at several. */
function commonPosition(patches: readonly Patch[]): string | undefined {
  const [at, ...more] = new Set(patches.map((p) => positionOf(p.site)));
  if (more.length > 0) return undefined;
  return at === undefined ? "" : ` @${isolated(at)}`;
}

/** "all heads but L20.H0 and L23.H3", when the patches are the most of their kinds. */
function butName(patches: readonly Patch[], model: ModelInfo): string | undefined {
  const where = commonPosition(patches);
  const cells = patches.map((p) => exactCell(p.site)).filter((c): c is Cell => c !== undefined);
  if (where === undefined || patches.length < 2 || cells.length < patches.length) return undefined;
  const rest = everythingBut(cells, model);
  if (rest === undefined || rest.length >= patches.length) return undefined;
  const kinds = listed([...new Set(cells.map((cell) => KINDS[cell.component]))]);
  if (rest.length === 0) return `all ${kinds}${where}`;
  const left = rest.length > MOST_NAMED ? `${rest.length} of them` : listed(rest.map(cellName));
  return `all ${kinds} but ${left}${where}`;
}

/** "30 layers × 9 heads · float32 · cpu". */
export function modelFacts({ n_layers, n_heads, dtype, device }: ModelInfo): string {
  const facts = [`${n_layers} layers × ${n_heads} heads`, dtype, device];
  return facts.filter((fact) => fact !== "").join(" · ");
}

function onePatch(patch: Patch): string {
  const path = parsePath(patch.site);
  if (path !== undefined) return pathName(path);
  return isCut(patch) ? cutName(patch) : isolated(patch.site);
}

/** The name of what is patched: "L23.H3", "L23.H3 and L20.H0", "7 sites", "L23.H3 with L24.H4 frozen". */
export function patchName(patches: readonly Patch[], model: ModelInfo): string {
  const brought = notFrozen(patches);
  return brought.length === 0
    ? `${sitesName(patches, model)} frozen`
    : sitesName(brought, model) + besidesFrozen(patches, model);
}

/** " with L24.H4 frozen"; nothing where nothing is. */
export function besidesFrozen(patches: readonly Patch[], model: ModelInfo): string {
  const frozen = patches.filter(isFrozen);
  return frozen.length === 0 ? "" : ` with ${sitesName(frozen, model)} frozen`;
}

function sitesName(patches: readonly Patch[], model: ModelInfo): string {
  const but = butName(patches, model);
  if (but !== undefined) return but;
  return patches.length > MOST_NAMED ? `${patches.length} sites` : listed(patches.map(onePatch));
}
