/** Circuit mode: keeping only what is selected, adding the strongest head to it, drawing the curve. */

import { patchWith } from "../model/patch";
import { selectedPatches } from "../state/selectors";
import { strongestNext } from "../state/strongest";
import { askPatch, set, type Tools } from "./tools";

export interface CircuitActions {
  /** Opens the panel that says what stays where only the selection is kept. */
  keepOnly(): void;
  /** Adds the head with the largest effect that is not selected yet. */
  addStrongest(): void;
  /** Asks for the curve over heads. */
  drawCurve(): void;
}

function addStrongest(tools: Tools): void {
  const state = tools.store.state();
  const next = state.scene && strongestNext(state, state.scene);
  if (next === undefined) {
    set(tools.store, {
      notice: "The map of heads must be whole first: it says which one is next.",
    });
    return;
  }
  askPatch(tools, { patches: [...selectedPatches(state), patchWith(state.source, next)] });
}

export function circuitActions(tools: Tools): CircuitActions {
  return {
    keepOnly: () => set(tools.store, { tab: "circuit" }),
    addStrongest: () => addStrongest(tools),
    drawCurve: () => set(tools.store, { curve: true }),
  };
}
