/** Keys of the explorer on the whole page: whoever has just pressed a button or a box of the page has left its cells. */

/** Where letters are text, or choose by their first letter. */
const TYPED = "input:not([type=radio], [type=range], [type=checkbox]), select, textarea";

/** What concerns the whole view. Keys of one cell stay with the cell that has the focus. */
const OF_THE_VIEW = "nm,.[]a/?ztlpf";

function goesToExplorer(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  const [target] = event.composedPath();
  if (target instanceof Element && target.closest(TYPED) !== null) return false;
  return event.key.length === 1 && OF_THE_VIEW.includes(event.key.toLowerCase());
}

/** What the explorer has done nothing with reaches the page, and is given to the cell that Tab would reach. */
export function passKeys(page: Document, explorer: Element): void {
  page.addEventListener("keydown", (event) => {
    if (!goesToExplorer(event)) return;
    const { shadowRoot } = explorer.firstElementChild ?? {};
    const cell = shadowRoot?.querySelector('[role="grid"] [tabindex="0"]');
    const { key, shiftKey } = event;
    // It bubbles, and ends at the shadow root: it does not come back here.
    const passed = new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true });
    if (cell?.dispatchEvent(passed) === false) event.preventDefault();
  });
}
