/** What actions may do with the page: move the focus, copy. */

import type { Page } from "../actions/tools";
import { drawView } from "../picture/picture";
import { pngOf } from "../picture/png";
import type { Store } from "../state/store";
import type { createLayout } from "./render";

/** The older way, for a page that may not write to the clipboard by itself. */
function copySelected(root: HTMLElement, text: string): boolean {
  const page = root.ownerDocument;
  const field = page.createElement("textarea");
  field.value = text;
  root.append(field);
  field.select();
  try {
    return page.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
  }
}

async function copyText(root: HTMLElement, text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (copySelected(root, text)) return true;
    const pre = root.querySelector("pre");
    if (pre !== null) root.ownerDocument.getSelection()?.selectAllChildren(pre);
    return false;
  }
}

async function copyImage(png: Blob): Promise<boolean> {
  try {
    await navigator.clipboard.write([new ClipboardItem({ [png.type]: png })]);
    return true;
  } catch {
    return false;
  }
}

/** VS Code and its like show a page that cannot download anything. */
export function blocksDownloads(body: HTMLElement): boolean {
  return "vscodeThemeKind" in body.dataset || location.protocol === "vscode-webview:";
}

function save(page: Document, name: string, content: Blob): void {
  const link = page.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.hidden = true;
  page.body.append(link);
  link.click();
  link.remove();
  // The download has its own copy by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
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
    svg: (title) => drawView(root, title).svg,
    png: (title) => pngOf(drawView(root, title)),
    save: (name, content) => save(root.ownerDocument, name, content),
    copyImage,
    focusExport: () =>
      root
        .querySelector<HTMLElement>('.toolbar [data-panel="export"], .toolbar [data-panel="menu"]')
        ?.focus({ preventScroll: true }),
    focusNote: (number) =>
      (
        root.querySelector<HTMLElement>(".note-field") ??
        root.querySelector<HTMLElement>(`[data-note="${number}"]`)
      )?.focus({ preventScroll: true }),
    copy: (text) => copyText(root, text),
    fullScreen: () => toggleFullScreen(root),
  };
}
