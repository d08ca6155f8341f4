/** What actions may do with the page: move the focus, copy. */

import type { Page } from "../actions/tools";
import type { Store } from "../state/store";
import type { createLayout } from "./render";

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

export function createPage(
  root: HTMLElement,
  store: Store,
  layoutOfState: ReturnType<typeof createLayout>,
): Page {
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
