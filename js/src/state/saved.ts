/** What a saved page can answer; with a kernel, everything is asked. */

import { patchWith } from "../model/patch";
import { atPosition, type Position } from "../model/position";
import type { Recorded } from "../text/saved";
import { selectedRequest } from "./selectors";
import type { State } from "./state";

/** Whether a box, patched alone at the chosen position or at its own, is answered. */
export function isAnswered(state: State, site: string): boolean {
  const { knows, source } = state;
  return knows?.({ ...selectedRequest(state), patches: [patchWith(source, site)] }) ?? true;
}

/** The same of a box of a lane, at the chosen position. */
export function boxIsAnswered(state: State, box: string, position: Position = state.position) {
  const length = state.scene?.task.clean.length ?? 0;
  return isAnswered(state, atPosition(box, position, length));
}

export function recordedBoxes(state: State): Recorded {
  const { n_layers = 1, n_heads = 1 } = state.scene?.model ?? {};
  const last = (state.scene?.task.clean.length ?? 0) - 1;
  const parts = [
    ["attention", "attn_out"],
    ["an MLP", "mlp_out"],
  ] as const;
  const layer = n_layers - 1;
  const boxes = [`L${layer}.H${n_heads - 1}`, `L${layer}.attn_out`, `L${layer}.mlp_out`];
  return {
    boxes: boxes.some((box) => boxIsAnswered(state, box, "all")),
    positioned: parts
      .filter(([, name]) => boxIsAnswered(state, `L${layer}.${name}`, last))
      .map(([part]) => part),
    kept: state.entries.length > 0,
  };
}
