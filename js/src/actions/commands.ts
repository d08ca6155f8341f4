/** Carries out the commands of the keys in the lanes. */

import { type Cell, cellName, exactCell, layerCells } from "../model/cell";
import type { ModelInfo } from "../model/experiment";
import { clamp } from "../model/math";
import { type Patch, patchWith } from "../model/patch";
import { selectedPatches } from "../state/selectors";
import type { State } from "../state/state";
import type { Actions } from "./actions";
import { patchEverythingBut } from "./inverse";
import type { Command } from "./keymap";
import { showLayerOf } from "./layers";
import { atSelectedPosition, clear } from "./patching";
import { chooseByKey, stepBack } from "./path";
import { askPatch, set, type Tools } from "./tools";

/** The cell some layers and some places further, inside the model. */
function steppedCell(
  cell: Cell,
  layers: number,
  places: number,
  model: Pick<ModelInfo, "n_layers" | "n_heads">,
): Cell {
  const layer = clamp(cell.layer + layers, 0, model.n_layers - 1);
  const cells = layerCells(layer, model);
  const name = cellName({ ...cell, layer });
  const at = cells.findIndex((c) => cellName(c) === name);
  return cells[clamp(at + places, 0, cells.length - 1)] ?? cell;
}

function moveTo(tools: Tools, cell: Cell): void {
  const site = cellName(cell);
  showLayerOf(tools, site);
  set(tools.store, { focus: site });
  tools.page.focusCell(site);
}

function move(tools: Tools, command: Command & { type: "move" }, from: Cell): void {
  const { store } = tools;
  const model = store.state().scene?.model;
  if (model === undefined) return;
  const next = steppedCell(from, command.layers, command.cells, model);
  moveTo(tools, next);
  if (!command.extend) return;
  const state = store.state();
  const current = selectedPatches(state);
  const wanted = [from, next].map(
    (cell): Patch => patchWith(state.source, atSelectedPosition(state, cellName(cell))),
  );
  const added = wanted.filter((w) => current.every((patch) => patch.site !== w.site));
  if (added.length > 0) askPatch(tools, { patches: [...current, ...added] });
}

/** Cancels, then clears, then leaves the grid. True if there was something to do. */
function leave(tools: Tools, act: Actions): boolean {
  const state = tools.store.state();
  if (state.panel !== "none") act.panel("none");
  else if (stepBack(tools)) return true;
  else if (state.pending !== undefined) act.cancel();
  else if (state.result !== undefined) clear(tools);
  else return false;
  return true;
}

type Anywhere = Exclude<
  Command,
  {
    type: "move" | "edge" | "patch" | "toggle" | "freeze" | "everythingBut" | "escape" | "receiver";
  }
>;

/** Runs a command that does not depend on the focused site. */
function runAnywhere(state: State, act: Actions, command: Anywhere): void {
  const { direction, panel } = state;
  switch (command.type) {
    case "flipDirection":
      act.direction(direction === "denoise" ? "noise" : "denoise");
      return;
    case "position":
      act.stepPosition(command.step);
      return;
    case "allPositions":
      act.position("all");
      return;
    case "pair":
      act.stepPair(command.step);
      return;
    case "meanPair":
      act.pair("mean");
      return;
    case "editPrompts":
      act.edit("clean");
      return;
    case "site":
    case "keys":
      act.panel(command.type === "keys" && panel === "keys" ? "none" : command.type);
      return;
    case "path":
      act.pathMode(state.draft === undefined);
      return;
    default:
      act[command.type]();
  }
}

/** Runs a command at the focused site; false leaves the key to the page. */
export function runCommand(tools: Tools, act: Actions, command: Command, site: string): boolean {
  const cell = exactCell(site);
  const { scene } = tools.store.state();
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
    case "freeze":
      act.freeze(site);
      return true;
    case "everythingBut":
      patchEverythingBut(tools, cell);
      return true;
    case "escape":
      return leave(tools, act);
    case "receiver":
      return chooseByKey(tools, command.part);
    default:
      runAnywhere(tools.store.state(), act, command);
      return true;
  }
}
