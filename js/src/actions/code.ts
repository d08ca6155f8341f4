/** Asks for the selected request as lines of Python, while the panel that shows them is open. */

import { sameRequest } from "../model/patch";
import { selectedRequest } from "../state/selectors";
import type { Tools } from "./tools";

export function keepCodeCurrent({ store, kernel }: Tools): void {
  const { panel, scene, code } = store.state();
  if (panel !== "export" || scene === undefined) return;
  const request = selectedRequest(store.state());
  if (code !== undefined && sameRequest(code.request, request)) return;
  kernel.code(request, (id) =>
    store.dispatch({ type: "code-asked", code: { id, request, lines: undefined } }),
  );
}
