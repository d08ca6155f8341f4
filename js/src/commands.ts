/** Carries out what the keys ask for. */

import { ask, clear, follow, patchSites, placed, set, type Tools } from "./actions";
import type { Actions } from "./context";
import type { ModelInfo, Patch } from "./protocol";
import type { Command } from "./pure/keys";
import { type Cell, cellName, cellOf, everythingBut, layerCells } from "./pure/sites";
import { chosen } from "./state";

/** The cell some layers and some places further; it stays inside the model. */
export function stepped(
  cell: Cell,
  layers: number,
  places: number,
  model: Pick<ModelInfo, "n_layers" | "n_heads">,
): Cell {
  const layer = Math.max(0, Math.min(model.n_layers - 1, cell.layer + layers));
  const cells = layerCells(layer, model);
  const name = cellName({ ...cell, layer });
  const at = cells.findIndex((c) => cellName(c) === name);
  return cells[Math.max(0, Math.min(cells.length - 1, at + places))] ?? cell;
}

function moveTo(tools: Tools, cell: Cell): void {
  const site = cellName(cell);
  follow(tools, site);
  set(tools.store, { focus: site });
  tools.page.focusCell(site);
}

function move(tools: Tools, command: Command & { type: "move" }, from: Cell): void {
  const { store } = tools;
  const model = store.state().scene?.model;
  if (model === undefined) return;
  const next = stepped(from, command.layers, command.cells, model);
  moveTo(tools, next);
  if (!command.extend) return;
  const state = store.state();
  const current = chosen(state);
  const wanted = [from, next].map(
    (cell): Patch => ({ site: placed(state, cellName(cell)), source: "source" }),
  );
  const added = wanted.filter((w) => current.every((patch) => patch.site !== w.site));
  if (added.length > 0) ask(tools, { patches: [...current, ...added] });
}

function everythingElse(tools: Tools, cell: Cell): void {
  const state = tools.store.state();
  const sites = state.scene && everythingBut(cell, state.scene.model);
  if (sites === undefined || sites.length === 0) {
    set(tools.store, { notice: "Everything but a residual stream is the other run itself." });
    return;
  }
  patchSites(
    tools,
    sites.map((site) => placed(state, site)),
  );
}

/** Cancels, then clears, then leaves. True when there was something to do. */
function leave(tools: Tools, act: Actions): boolean {
  const state = tools.store.state();
  if (state.panel !== "none") act.panel("none");
  else if (state.pending !== undefined) act.cancel();
  else if (state.result !== undefined) clear(tools);
  else return false;
  return true;
}

/** Runs a command at the focused site; false leaves the key to the page. */
export function run(tools: Tools, act: Actions, command: Command, site: string): boolean {
  const cell = cellOf(site);
  const { scene, direction, panel } = tools.store.state();
  if (cell === undefined || scene === undefined) return false;
  switch (command.type) {
    case "move":
      move(tools, command, cell);
      return true;
    case "edge":
      moveTo(tools, { ...cell, layer: command.end === "first" ? 0 : scene.model.n_layers - 1 });
      return true;
    case "patch":
    case "toggle":
      act.patch(site, command.type === "toggle");
      return true;
    case "but":
      everythingElse(tools, cell);
      return true;
    case "flip":
      act.direction(direction === "denoise" ? "noise" : "denoise");
      return true;
    case "position":
      act.stepPosition(command.step);
      return true;
    case "allPositions":
      act.position("all");
      return true;
    case "site":
      act.panel("site");
      return true;
    case "keys":
      act.panel(panel === "keys" ? "none" : "keys");
      return true;
    case "undo":
      act.undo();
      return true;
    case "redo":
      act.redo();
      return true;
    case "pin":
      act.pin();
      return true;
    case "escape":
      return leave(tools, act);
  }
}
