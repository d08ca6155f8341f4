/** Carries out the commands of the keys in a map: arrows walk its cells, Enter and Space patch. */

import { cellName, nearestCell } from "../model/cell";
import type { MapName } from "../model/map";
import { clamp } from "../model/math";
import { mapRegion, mapSite, mapView } from "../state/maps";
import type { Actions } from "./actions";
import { runCommand } from "./commands";
import { commandOf, type KeyPress, mapStep } from "./keymap";
import { set, type Tools } from "./tools";

/** Moves to another cell of the map; true if the key was one that moves. */
function moveInMap(tools: Tools, press: KeyPress, name: MapName, site: string): boolean {
  const step = mapStep(press);
  const state = tools.store.state();
  const layout = tools.page.layout();
  if (step === undefined || state.scene === undefined || layout === undefined) return false;
  const map = mapView(state, state.scene, layout, name);
  const from = mapRegion(map, site, state.scene);
  if (from === undefined) return false;
  const { rows, columns, fold } = map.layout;
  const row = clamp(from.top + step.rows, 0, rows - 1);
  const next = mapSite(map, row, clamp(from.from + step.columns, fold, columns - 1));
  set(tools.store, { mapFocus: { ...state.mapFocus, [name]: next } });
  tools.page.focusMap(name, next);
  return true;
}

/** Runs the command of a key at a cell of a map; false leaves the key to the page. */
export function runMapCommand(
  tools: Tools,
  act: Actions,
  press: KeyPress,
  name: MapName,
  site: string,
): boolean {
  if (moveInMap(tools, press, name, site)) return true;
  const command = commandOf(press);
  if (command === undefined || command.type === "move" || command.type === "edge") return false;
  if (command.type === "patch" || command.type === "toggle") {
    act.patchCell(site, tools.store.state().field, command.type === "toggle");
    return true;
  }
  if (command.type === "freeze") {
    act.freezeCell(site);
    return true;
  }
  const cell = nearestCell(site);
  if (cell === undefined && command.type === "everythingBut") return false;
  return runCommand(tools, act, command, cell === undefined ? "L0.H0" : cellName(cell));
}
