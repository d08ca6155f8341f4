/** Keys and focus, of the lanes and of the maps. */

import type { Actions } from "../actions/actions";
import { runCommand } from "../actions/commands";
import { commandOf } from "../actions/keymap";
import { runMapCommand } from "../actions/map-commands";
import type { Tools } from "../actions/tools";
import type { MapName } from "../model/map";
import { listen, type Removal, removeAll } from "./listen";

/** The map that contains an element, if one does. */
function mapName(element: Element): MapName | undefined {
  const name = element.closest("[data-map]")?.getAttribute("data-map");
  return name === "heads" || name === "positions" ? name : undefined;
}

/** Tab comes back to the cell that has the focus. A cell of a map is also highlighted everywhere. */
function cellFocused(act: Actions, target: EventTarget | null): void {
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

export function watchFocus(root: HTMLElement, act: Actions): Removal {
  return removeAll([
    listen(root, "focusin", ({ target }) => cellFocused(act, target)),
    listen(root, "focusout", ({ target }) => {
      if (target instanceof SVGElement && mapName(target) !== undefined) act.hover(undefined);
    }),
  ]);
}

/** The keys of a path where its step says what to choose next: Q, K, V, L, Escape. */
function runPathCommand(tools: Tools, act: Actions, event: KeyboardEvent): boolean {
  const command = commandOf(event);
  if (command?.type !== "receiver" && command?.type !== "escape") return false;
  event.stopPropagation();
  event.preventDefault();
  const done = runCommand(tools, act, command, "L0.H0");
  if (done) tools.page.focusGrid();
  return done;
}

export function watchKeys(root: HTMLElement, tools: Tools, act: Actions): Removal {
  return listen(root, "keydown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const site = target?.closest('[role="grid"] [data-site]')?.getAttribute("data-site");
    if (target?.closest(".path-step") && runPathCommand(tools, act, event)) return;
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
        ? runCommand(tools, act, command, site)
        : runMapCommand(tools, act, event, map, site) || command.type !== "escape";
    if (!done && target instanceof SVGElement) target.blur();
  });
}
