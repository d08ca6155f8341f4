/** The keyboard stays in the view that was clicked, whatever a new drawing takes away. */

/** The element that has the focus, if it is inside a view. */
function focused(root: HTMLElement): Element | undefined {
  const scope = root.getRootNode() as Document | ShadowRoot;
  const active = scope.activeElement ?? null;
  return active !== null && root.contains(active) ? active : undefined;
}

/** Where the focus goes from an element that is no more: to the cell that Tab would reach. */
function takeFocus(root: HTMLElement): void {
  const cell = root.querySelector('[role="grid"] [tabindex="0"]');
  if (cell instanceof SVGElement) cell.focus({ preventScroll: true });
  else root.focus({ preventScroll: true });
}

/** Draws, and gives the focus to another element if the one that had it was removed or disabled. */
export function keepFocus(root: HTMLElement, draw: () => void): void {
  const had = focused(root);
  draw();
  if (had === undefined) return;
  const has = focused(root);
  if (has === undefined || has.matches(":disabled")) takeFocus(root);
}
