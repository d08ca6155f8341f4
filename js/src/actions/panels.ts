/** Opening a panel, and copying what it shows. */

import type { Panel } from "../state/state";
import { set, type Tools } from "./tools";

export interface PanelActions {
  panel(panel: Panel): void;
  copy(text: string): void;
  dismiss(): void;
}

function openPanel({ store, page }: Tools, panel: Panel): void {
  set(store, { panel });
  if (panel === "site") page.focusPanel();
}

async function copy({ store, page }: Tools, text: string): Promise<void> {
  const done = await page.copy(text);
  set(store, {
    notice: done ? "Copied." : "Copying is not allowed here; the text is selected.",
  });
}

export function panelActions(tools: Tools): PanelActions {
  return {
    panel: (panel) => openPanel(tools, panel),
    copy: (text) => void copy(tools, text),
    dismiss: () => set(tools.store, { problem: undefined, notice: undefined }),
  };
}
