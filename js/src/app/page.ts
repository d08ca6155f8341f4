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
  const focus = (selector: string) => {
    const cell = root.querySelector(selector);
    if (cell instanceof SVGElement) cell.focus({ preventScroll: true });
  };
  const cell = (site: string) => `[data-site="${CSS.escape(site)}"]`;
  return {
    layout: () => layoutOfState(store.state()),
    focusCell: (site) => focus(`[data-run="patched"] ${cell(site)}`),
    focusMap: (name, site) => focus(`[data-map="${name}"] ${cell(site)}`),
    focusGrid: () => focus('[role="grid"] [tabindex="0"]'),
    focusPanel: () => root.querySelector<HTMLInputElement>(".site-box input")?.focus(),
    copy: (text) => copyText(root, text),
  };
}
