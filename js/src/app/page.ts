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

/** A page that may not fill the screen says so by itself; nothing else is to be done. */
function toggleFullScreen(root: HTMLElement): void {
  const top = root.getRootNode();
  const filled = "fullscreenElement" in top ? top.fullscreenElement : null;
  const asked = filled === root ? root.ownerDocument.exitFullscreen() : root.requestFullscreen?.();
  asked?.catch(() => {});
}

function showToken(root: HTMLElement, position: number): void {
  const token = root.querySelector<HTMLElement>(`[data-token="${position}"]`);
  const row = token?.parentElement;
  if (!token || !row) return;
  row.scrollLeft = token.offsetLeft - (row.clientWidth - token.offsetWidth) / 2;
}

/** Whatever field was open, the pencil that is there: answer and foil have none. */
function focusPencil(root: HTMLElement, field: string): void {
  const scope = root.getRootNode() as Document | ShadowRoot;
  const pencil =
    root.querySelector<HTMLElement>(`[data-edit="${field}"]`) ??
    root.querySelector<HTMLElement>("[data-edit]");
  if (root.contains(scope.activeElement)) pencil?.focus({ preventScroll: true });
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
    showToken: (position) => showToken(root, position),
    focusPanel: () => root.querySelector<HTMLInputElement>(".site-box input")?.focus(),
    focusField: (field) =>
      root.querySelector<HTMLElement>(`.editor [data-field="${field}"]`)?.focus(),
    focusPencil: (field) => focusPencil(root, field),
    focusNote: (number) =>
      (
        root.querySelector<HTMLElement>(".note-field") ??
        root.querySelector<HTMLElement>(`[data-note="${number}"]`)
      )?.focus({ preventScroll: true }),
    copy: (text) => copyText(root, text),
    fullScreen: () => toggleFullScreen(root),
  };
}
