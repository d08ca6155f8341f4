/** Puts one view into an element and joins its parts; what it returns undoes all of it. */

import { nothing, render } from "lit-html";
import { createActions } from "../actions/actions";
import { createAutoSweep } from "../actions/auto-sweep";
import { showLayerOf } from "../actions/layers";
import { set, type Tools } from "../actions/tools";
import { createClient } from "../comm/client";
import { watchTraits } from "../comm/traits";
import type { WidgetModel } from "../comm/widget-model";
import { selectedPatches } from "../state/selectors";
import { createStore } from "../state/store";
import { cellFocused, mapName, watchKeys } from "./keyboard";
import { listen, type Removal, suppressShortcuts, watchWidth } from "./listen";
import { createPage } from "./page";
import { createLayout, draw } from "./render";
import { restorePicture, savePicture } from "./saved-picture";
import { watchTheme } from "./theme";

let views = 0;

export function mount(model: WidgetModel, el: HTMLElement): Removal {
  views += 1;
  const id = `pw${views}-${Math.floor(Math.random() * 1e6)}`;
  const root = el.ownerDocument.createElement("div");
  root.className = "patchwidgets";
  el.append(root);
  const layoutOfState = createLayout();
  const store = createStore((state, before) => {
    draw(root, id, state, layoutOfState(state), act);
    const swept = state.sweep.phase !== before.sweep.phase && state.sweep.phase !== "running";
    if (state.scene !== before.scene || state.result !== before.result || swept)
      savePicture(model, state);
    const last = selectedPatches(state).at(-1);
    if (last !== undefined && last !== selectedPatches(before).at(-1))
      showLayerOf(tools, last.site);
    sweeper.consider();
  });
  const client = createClient(model, store.dispatch);
  const tools: Tools = { store, kernel: client, page: createPage(root, store, layoutOfState) };
  const act = createActions(tools);
  const sweeper = createAutoSweep(tools);
  const removals = [
    watchTheme(el, (theme) => set(store, { theme })),
    watchWidth(
      root,
      (width) => width > 0 && width !== store.state().width && set(store, { width }),
    ),
    suppressShortcuts(root),
    watchKeys(root, tools, act),
    listen(root, "focusin", (event) => cellFocused(act, event.target)),
    listen(root, "focusout", ({ target }) => {
      if (target instanceof SVGElement && mapName(target) !== undefined) act.hover(undefined);
    }),
    watchTraits(model, store.dispatch),
    () => client.dispose(),
    () => sweeper.dispose(),
  ];
  restorePicture(store, model);
  client.hello();
  return () => {
    for (const remove of removals) remove();
    render(nothing, root);
    root.remove();
  };
}
