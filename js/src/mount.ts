/** Puts one view into an element: store, client, page and listeners, all undone by what it returns. */

import { nothing, render } from "lit-html";
import { createActions, follow, set, type Tools } from "./actions";
import { createClient, type Event, type WidgetModel } from "./client";
import { run } from "./commands";
import type { Actions } from "./context";
import { listen, type Removal, suppressShortcuts, watchWidth } from "./dom/listen";
import { watchTheme } from "./dom/theme";
import { runInMap } from "./mapcommands";
import type { MapName } from "./mapped";
import { type Layout, layoutOf, visible } from "./pure/geometry";
import { commandOf } from "./pure/keys";
import { cellName, cellOf } from "./pure/sites";
import { decodeSnapshot, encodeSnapshot } from "./snapshot";
import { chosen, createStore, type State, type Store } from "./state";
import { createSweeper } from "./sweeping";
import { watchTraits } from "./traits";
import { page, waiting } from "./views/page";

let views = 0;

/** The layout of a state; the same object while nothing that it depends on has changed. */
function createLayout(): (state: State) => Layout | undefined {
  let key = "";
  let layout: Layout | undefined;
  return ({ scene, width, firstLayer }) => {
    if (scene === undefined || width === 0) return undefined;
    const { n_layers: layers, n_heads: heads } = scene.model;
    const next = [width, firstLayer, layers, heads].join();
    if (next !== key || layout === undefined)
      layout = layoutOf(width, { layers, heads }, firstLayer);
    key = next;
    return layout;
  };
}

/** The one cell that Tab reaches: the focused one while it can be seen. */
export function tabStop(state: State, layout: Layout): string {
  const cell = state.focus === undefined ? undefined : cellOf(state.focus);
  if (cell !== undefined && visible(layout, cell.layer)) return cellName(cell);
  return cellName({ layer: layout.first, component: "z", index: 0 });
}

function draw(
  root: HTMLElement,
  id: string,
  state: State,
  layout: Layout | undefined,
  act: Actions,
): void {
  root.classList.toggle("pw-dark", state.theme === "dark");
  root.classList.toggle("pw-compact", layout?.compact === true);
  root.classList.toggle("pw-tight", layout?.wide === true && layout.width < 1200);
  root.classList.toggle("pw-wide", layout?.wide === true);
  root.classList.toggle("pw-fresh", state.fresh);
  root.classList.toggle("pw-still", state.pending !== undefined);
  const { scene } = state;
  if (scene === undefined || layout === undefined) {
    render(waiting(state), root);
    return;
  }
  render(page({ state, scene, layout, act, id }, tabStop(state, layout)), root);
}

async function copyText(root: HTMLElement, text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const pre = root.querySelector("pre");
    if (pre !== null) root.ownerDocument.getSelection()?.selectAllChildren(pre);
    return false;
  }
}

function apply(store: Store, event: Event): void {
  switch (event.type) {
    case "connection":
      set(store, { connection: event.connection });
      if (event.connection === "gone" || event.connection === "restarted") {
        store.dispatch({ type: "sweep", event: { type: "stopped" } });
        store.dispatch({ type: "dropped" });
      }
      return;
    default:
      store.dispatch(event);
  }
}

/** Keeps the last picture on the local model; it is never sent. */
function keep(model: WidgetModel, { scene, result, direction, metric, sweep }: State): void {
  if (scene === undefined) return;
  const shown = Object.entries(sweep.maps).filter(([key]) =>
    key.endsWith(` ${direction} ${metric}`),
  );
  model.set("snapshot", encodeSnapshot({ scene, result, maps: Object.fromEntries(shown) }));
}

function recall(store: Store, model: WidgetModel): void {
  const snapshot = decodeSnapshot(model.get("snapshot"));
  if (snapshot === undefined) return;
  store.dispatch({ type: "scene", scene: snapshot.scene });
  store.dispatch({ type: "sweep", event: { type: "recalled", maps: snapshot.maps } });
  if (snapshot.result !== undefined) store.dispatch({ type: "result", result: snapshot.result });
}

/** The map that an element is in, if it is in one. */
function mapName(element: Element): MapName | undefined {
  const name = element.closest("[data-map]")?.getAttribute("data-map");
  return name === "heads" || name === "positions" ? name : undefined;
}

/** A focused cell is the one that Tab comes back to; a map's lights up everywhere. */
function focused(act: Actions, target: EventTarget | null): void {
  if (!(target instanceof SVGElement)) return;
  const site = target.getAttribute("data-site");
  const map = mapName(target);
  if (site === null) return;
  if (map === undefined) act.focus(site);
  else {
    act.mapFocus(map, site);
    act.hover(site);
  }
}

function watchKeys(root: HTMLElement, tools: Tools, act: Actions): Removal {
  return listen(root, "keydown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const site = target?.closest('[role="grid"] [data-site]')?.getAttribute("data-site");
    if (event.key === "Escape" && tools.store.state().panel === "site") {
      event.stopPropagation();
      act.panel("none");
      tools.page.focusGrid();
      return;
    }
    if (typeof site !== "string" || target === null) return;
    const map = mapName(target);
    const command = commandOf(event);
    if (command === undefined) return;
    event.stopPropagation();
    event.preventDefault();
    const done =
      map === undefined
        ? run(tools, act, command, site)
        : runInMap(tools, act, event, map, site) || command.type !== "escape";
    if (!done && target instanceof SVGElement) target.blur();
  });
}

function createPage(
  root: HTMLElement,
  store: Store,
  layoutOfState: ReturnType<typeof createLayout>,
) {
  return {
    layout: () => layoutOfState(store.state()),
    focusCell: (site: string) => {
      const cell = root.querySelector(`[data-run="patched"] [data-site="${CSS.escape(site)}"]`);
      if (cell instanceof SVGElement) cell.focus({ preventScroll: true });
    },
    focusMap: (name: string, site: string) => {
      const cell = root.querySelector(`[data-map="${name}"] [data-site="${CSS.escape(site)}"]`);
      if (cell instanceof SVGElement) cell.focus({ preventScroll: true });
    },
    focusGrid: () => {
      const cell = root.querySelector('[role="grid"] [tabindex="0"]');
      if (cell instanceof SVGElement) cell.focus({ preventScroll: true });
    },
    focusPanel: () => root.querySelector<HTMLInputElement>(".site-box input")?.focus(),
    copy: (text: string) => copyText(root, text),
  };
}

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
    if (state.scene !== before.scene || state.result !== before.result || swept) keep(model, state);
    const last = chosen(state).at(-1);
    if (last !== undefined && last !== chosen(before).at(-1)) follow(tools, last.site);
    sweeper.consider();
  });
  const client = createClient(model, (event) => apply(store, event));
  const tools: Tools = { store, client, page: createPage(root, store, layoutOfState) };
  const act = createActions(tools);
  const sweeper = createSweeper(tools);
  const removals = [
    watchTheme(el, (theme) => set(store, { theme })),
    watchWidth(
      root,
      (width) => width > 0 && width !== store.state().width && set(store, { width }),
    ),
    suppressShortcuts(root),
    watchKeys(root, tools, act),
    listen(root, "focusin", (event) => focused(act, event.target)),
    listen(root, "focusout", ({ target }) => {
      if (target instanceof SVGElement && mapName(target) !== undefined) act.hover(undefined);
    }),
    watchTraits(model, store),
    () => client.dispose(),
    () => sweeper.dispose(),
  ];
  recall(store, model);
  client.hello();
  return () => {
    for (const remove of removals) remove();
    render(nothing, root);
    root.remove();
  };
}
