/** Words that explain themselves in the read-out: `data-explain` says which. */

import type { Actions } from "../actions/actions";
import { isTerm, type Term } from "../text/terms";
import { listen, type Removal, removeAll } from "./listen";

function termAt(target: EventTarget | null): Term | undefined {
  if (!(target instanceof Element)) return undefined;
  const name = target.closest("[data-explain]")?.getAttribute("data-explain");
  return isTerm(name) ? name : undefined;
}

export function watchExplanations(root: HTMLElement, act: Actions): Removal {
  /** Under no word, that of the focus is explained. */
  const focused = () => {
    const top = root.getRootNode();
    const active = "activeElement" in top ? (top as Document | ShadowRoot).activeElement : null;
    return root.contains(active) ? termAt(active) : undefined;
  };
  return removeAll([
    listen(root, "pointerover", ({ target }) => act.explain(termAt(target) ?? focused())),
    // A click may have turned what the word says: its target is drawn anew by now.
    listen(root, "click", ({ target }) => act.explain(termAt(target) ?? focused())),
    listen(root, "pointerleave", () => act.explain(focused())),
    listen(root, "focusin", ({ target }) => act.explain(termAt(target))),
    listen(root, "focusout", () => act.explain(undefined)),
  ]);
}
