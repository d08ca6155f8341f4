/** Draws the state into the element of a view. */

import { render } from "lit-html";
import type { Actions } from "../actions/actions";
import { layerVisible, type PageLayout, pageLayout } from "../layout/page";
import { cellName, exactCell } from "../model/cell";
import type { State } from "../state/state";
import { connecting, explorer } from "../views/explorer";
import { keepFocus } from "./focus";

/** The layout of a state; the same object while nothing that it depends on has changed. */
export function createLayout(): (state: State) => PageLayout | undefined {
  let key = "";
  let layout: PageLayout | undefined;
  return ({ scene, width, firstLayer, lanesFull }) => {
    if (scene === undefined || width === 0) return undefined;
    const { n_layers: layers, n_heads: heads } = scene.model;
    const next = [width, firstLayer, layers, heads, lanesFull].join();
    if (next !== key || layout === undefined)
      layout = pageLayout(width, { layers, heads }, firstLayer, lanesFull);
    key = next;
    return layout;
  };
}

/** The one cell that Tab reaches: the focused one while it can be seen. */
function tabStop(state: State, layout: PageLayout): string {
  const cell = state.focus === undefined ? undefined : exactCell(state.focus);
  if (cell !== undefined && layerVisible(layout, cell.layer)) return cellName(cell);
  return cellName({ layer: layout.first, component: "z", index: 0 });
}

/** The template of a state; it says that it waits until there is something to show. */
export function view(id: string, state: State, layout: PageLayout | undefined, act: Actions) {
  const { scene } = state;
  if (scene === undefined || layout === undefined) return connecting(state);
  return explorer({ state, scene, layout, act, id }, tabStop(state, layout));
}

export function draw(
  root: HTMLElement,
  id: string,
  state: State,
  layout: PageLayout | undefined,
  act: Actions,
): void {
  root.classList.toggle("pw-dark", state.theme === "dark");
  root.classList.toggle("pw-lab", state.host === "lab");
  root.classList.toggle("pw-vscode", state.host === "vscode");
  root.classList.toggle("pw-compact", layout?.compact === true);
  root.classList.toggle("pw-tight", layout?.sides === true && layout.width < 1200);
  root.classList.toggle("pw-sides", layout?.sides === true);
  root.classList.toggle("pw-wide", layout?.wide === true);
  root.classList.toggle("pw-fresh", state.fresh);
  root.classList.toggle("pw-editing", state.editing !== undefined);
  root.classList.toggle("pw-still", state.pending !== undefined);
  keepFocus(root, () => render(view(id, state, layout, act), root));
}
