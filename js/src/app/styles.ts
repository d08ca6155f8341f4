/**
 * Gives a view its style sheet: constructed and adopted, because a page's Content-Security-Policy may refuse `<style>`.
 * It goes into the shadow root that the view stands in, otherwise into the document.
 */

import css from "../styles/index.css";
import type { Removal } from "./listen";

type Scope = Document | ShadowRoot;

/** A sheet can only be adopted in the document that made it. */
const sheets = new WeakMap<Document, CSSStyleSheet>();

/** How many views stand in a document or a shadow root: the last one takes the sheet away. */
const views = new WeakMap<Scope, number>();

function sheetOf(page: Document): CSSStyleSheet {
  const known = sheets.get(page);
  if (known !== undefined) return known;
  const made = new (page.defaultView ?? globalThis).CSSStyleSheet();
  made.replaceSync(css);
  sheets.set(page, made);
  return made;
}

/** A view that is not yet in the page will be in its document. */
function scopeOf(root: Element): Scope {
  const top = root.getRootNode();
  return "adoptedStyleSheets" in top ? (top as Scope) : root.ownerDocument;
}

function enter(scope: Scope, page: Document): Removal {
  const sheet = sheetOf(page);
  const others = views.get(scope) ?? 0;
  views.set(scope, others + 1);
  if (others === 0) scope.adoptedStyleSheets = [...scope.adoptedStyleSheets, sheet];
  return () => {
    const left = (views.get(scope) ?? 1) - 1;
    views.set(scope, left);
    if (left > 0) return;
    scope.adoptedStyleSheets = scope.adoptedStyleSheets.filter((each) => each !== sheet);
  };
}

/** For browsers without constructed sheets (Safari before 16.4): works wherever `<style>` is allowed. */
function addElement(root: Element): Removal {
  const style = root.ownerDocument.createElement("style");
  style.textContent = css;
  root.before(style);
  return () => style.remove();
}

export interface Styles {
  /** The view may have been put elsewhere: into a shadow root, into another window. */
  follow(): void;
  remove(): void;
}

export function adoptStyles(root: Element): Styles {
  if (!("adoptedStyleSheets" in root.ownerDocument)) {
    return { follow() {}, remove: addElement(root) };
  }
  let scope = scopeOf(root);
  let leave = enter(scope, root.ownerDocument);
  return {
    follow() {
      const now = scopeOf(root);
      if (now === scope) return;
      leave();
      scope = now;
      leave = enter(now, root.ownerDocument);
    },
    remove: () => leave(),
  };
}
