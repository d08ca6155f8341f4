/** Puts one view into an element and joins its parts; what it returns undoes all of it. */

import { nothing, render } from "lit-html";
import { createActions } from "../actions/actions";
import { createAutoSweep } from "../actions/auto-sweep";
import { keepCodeCurrent } from "../actions/code";
import { leaveEditor } from "../actions/edit";
import { deliverWritten } from "../actions/export";
import { createAsker } from "../actions/facts";
import { followSelection } from "../actions/layers";
import { keepNeuronsCurrent } from "../actions/neurons";
import { closeSiteBox } from "../actions/patching";
import { set, type Tools } from "../actions/tools";
import { createClient } from "../comm/client";
import { tellReactiveCells, watchForReactiveCells } from "../comm/reactive";
import { watchTraits } from "../comm/traits";
import type { WidgetModel } from "../comm/widget-model";
import type { State } from "../state/state";
import { createStore } from "../state/store";
import { watchExplanations } from "./explanations";
import { watchFocus, watchKeys } from "./keyboard";
import { type Removal, removeAll, watchWidth } from "./listen";
import { createNotebookPicture } from "./notebook-picture";
import { blocksDownloads, createPage } from "./page";
import { place, takeRoom } from "./place";
import { createLayout, draw } from "./render";
import { restorePicture } from "./saved-picture";
import { adoptStyles } from "./styles";
import { watchTheme } from "./theme";

let views = 0;

/** What actions do when something has changed, whoever changed it. */
function follow(tools: Tools, before: State): void {
  followSelection(tools, before);
  closeSiteBox(tools, before);
  leaveEditor(tools, before);
  keepCodeCurrent(tools);
  deliverWritten(tools);
  keepNeuronsCurrent(tools);
}

/** What this view has asked for is there. */
function isAnswered(state: State, before: State): boolean {
  return before.pending?.id !== undefined && state.pending === undefined;
}

export function mount(model: WidgetModel, el: HTMLElement): Removal {
  views += 1;
  const id = `pw${views}-${Math.floor(Math.random() * 1e6)}`;
  const { host, shadow, root } = place(el);
  const styles = adoptStyles(shadow);
  const layoutOfState = createLayout();
  const store = createStore((state, before) => {
    draw(root, id, state, layoutOfState(state), act);
    picture.consider(state, before);
    autoSweep.consider();
    asker.consider();
    follow(tools, before);
    if (isAnswered(state, before)) tellReactiveCells(model);
  });
  const client = createClient(model, store.dispatch);
  const tools: Tools = { store, kernel: client, page: createPage(root, store, layoutOfState) };
  const act = createActions(tools);
  const autoSweep = createAutoSweep(tools);
  const asker = createAsker(tools);
  const picture = createNotebookPicture(model, host);
  const remove = removeAll([
    watchTheme(el, (look) => set(store, look)),
    watchWidth(root, (width) => {
      styles.follow();
      takeRoom(el);
      if (width > 0 && width !== store.state().width) set(store, { width });
    }),
    watchKeys(root, tools, act),
    watchFocus(root, act),
    watchExplanations(root, act),
    watchTraits(model, store.dispatch),
    watchForReactiveCells(model, () => store.state().pending !== undefined),
    ...[client, autoSweep, asker, picture].map((each) => () => each.dispose()),
  ]);
  if (blocksDownloads(el.ownerDocument.body)) set(store, { delivery: "copy" });
  const knows: State["knows"] = (request) => model.knows?.(request) ?? true;
  if (model.saved === true) set(store, { saved: true, quiz: model.quiz === true, knows });
  restorePicture(store, model);
  client.hello();
  return () => {
    remove();
    render(nothing, root);
    host.remove();
  };
}
