/**
 * Gives a view its style sheet: constructed and adopted by the view's shadow root, because a page's
 * Content-Security-Policy may refuse `<style>`.
 */

import css from "../styles/index.css";

/** A sheet can only be adopted in the document that made it. */
const sheets = new WeakMap<Document, CSSStyleSheet>();

function sheetOf(page: Document): CSSStyleSheet {
  const known = sheets.get(page);
  if (known !== undefined) return known;
  const made = new (page.defaultView ?? globalThis).CSSStyleSheet();
  made.replaceSync(css);
  sheets.set(page, made);
  return made;
}

/** For browsers without constructed sheets (Safari before 16.4): works wherever `<style>` is allowed. */
function addElement(shadow: ShadowRoot): void {
  const style = shadow.ownerDocument.createElement("style");
  style.textContent = css;
  shadow.prepend(style);
}

export interface Styles {
  /** The view may have been put into another window. */
  follow(): void;
}

export function adoptStyles(shadow: ShadowRoot): Styles {
  if (!("adoptedStyleSheets" in shadow)) {
    addElement(shadow);
    return { follow() {} };
  }
  const adopt = () => {
    const sheet = sheetOf(shadow.ownerDocument);
    if (!shadow.adoptedStyleSheets.includes(sheet)) shadow.adoptedStyleSheets = [sheet];
  };
  adopt();
  return { follow: adopt };
}
