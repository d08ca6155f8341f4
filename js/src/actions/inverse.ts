/** Patching the rest: all components of the kinds that are selected, in all layers, but these. */

import { type Cell, cellName, everythingBut, exactCell } from "../model/cell";
import { parseSite, positionOf, printSite } from "../model/site";
import { selectedPatches } from "../state/selectors";
import type { State } from "../state/state";
import { atSelectedPosition, patchSites } from "./patching";
import { set, type Tools } from "./tools";

const NO_REST = {
  stream: "Everything but a residual stream would be the other run itself.",
  part: "Only heads, attn_out and mlp_out have a rest that can be patched.",
  positions: "These are at several positions: everything but them is not one patch.",
  all: "Nothing is left: all of them are patched.",
} as const;

/** The sites of the rest, or why there is none. */
function restOf(state: State, sites: readonly string[]): readonly string[] | keyof typeof NO_REST {
  const model = state.scene?.model;
  const cells = sites.map(exactCell).filter((cell): cell is Cell => cell !== undefined);
  const [position, ...more] = new Set(sites.map(positionOf));
  if (model === undefined || cells.length < sites.length) return "part";
  if (more.length > 0) return "positions";
  const rest = everythingBut(cells, model);
  if (rest === undefined) return "stream";
  if (rest.length === 0) return "all";
  return rest.map((cell) => {
    const site = parseSite(cellName(cell));
    return site === undefined ? "" : printSite({ ...site, position });
  });
}

/** Patches everything but what is selected, or but the focused cell where nothing is. */
export function patchEverythingBut(tools: Tools, focused: Cell): void {
  const state = tools.store.state();
  const selected = selectedPatches(state).map(({ site }) => site);
  const sites = selected.length > 0 ? selected : [atSelectedPosition(state, cellName(focused))];
  const rest = restOf(state, sites);
  if (typeof rest === "string") set(tools.store, { notice: NO_REST[rest] });
  else patchSites(tools, rest);
}
