/**
 * Where a view stands: in a shadow root, so that no style and no id of the page reaches it (marimo has a class `noise`,
 * JupyterLab has styles for `select`), and none of its own leaves it.
 */

interface Place {
  readonly host: HTMLElement;
  readonly shadow: ShadowRoot;
  readonly root: HTMLElement;
}

/**
 * In a row, such as an `HBox`, the view takes the room that is left; a layout set by the person stays. Jupyter removes what
 * its layout does not name, after the view was drawn for the first time.
 */
export function takeRoom({ style }: HTMLElement): void {
  if (style.flexGrow === "") style.flexGrow = "1";
  if (style.minWidth === "") style.minWidth = "0";
}

export function place(el: HTMLElement): Place {
  const page = el.ownerDocument;
  const host = page.createElement("div");
  // To the page, each key that is pressed inside comes from the host: the shortcuts of JupyterLab and Notebook end here.
  host.setAttribute("data-lm-suppress-shortcuts", "true");
  const shadow = host.attachShadow({ mode: "open" });
  const root = page.createElement("div");
  root.className = "patchwidgets";
  // A click beside everything that takes the focus leaves it here, not with the notebook.
  root.tabIndex = -1;
  shadow.append(root);
  el.append(host);
  return { host, shadow, root };
}
