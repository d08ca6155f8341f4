/** Freezing: a box keeps the value of the host, whatever is patched before it. */

import { isFrozen } from "../model/patch";
import { parsePath } from "../model/path";
import { selectedPatches } from "../state/selectors";
import { atSelectedPosition, canPatch, patchOrClear } from "./patching";
import type { Tools } from "./tools";

export interface FreezeActions {
  /** Freezes a box at the chosen position in the joint patch, or lets it go. */
  freeze(site: string): void;
  /** The same for a cell of a map, at its own position. */
  freezeCell(site: string): void;
}

function freezeCell(tools: Tools, site: string): void {
  if (!canPatch(tools, site)) return;
  const patches = selectedPatches(tools.store.state()).filter(
    (patch) => parsePath(patch.site) === undefined,
  );
  const rest = patches.filter((patch) => patch.site !== site);
  const was = patches.some((patch) => patch.site === site && isFrozen(patch));
  patchOrClear(tools, was ? rest : [...rest, { site, source: "host" }]);
}

export function freezeActions(tools: Tools): FreezeActions {
  return {
    freeze: (site) => freezeCell(tools, atSelectedPosition(tools.store.state(), site)),
    freezeCell: (site) => freezeCell(tools, site),
  };
}
