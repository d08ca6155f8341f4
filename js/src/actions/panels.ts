/** Opening a panel, and copying what it shows. */

import type { Panel } from "../state/state";
import { set, type Tools } from "./tools";

export function openPanel({ store, page }: Tools, panel: Panel): void {
  set(store, { panel });
  if (panel === "site") page.focusPanel();
}

export async function copy({ store, page }: Tools, text: string): Promise<void> {
  const done = await page.copy(text);
  set(store, {
    notice: done ? "Copied." : "Copying is not allowed here; the text is selected.",
  });
}
