/** What the picture says was put in, and where things moved by it. */

import { sourceOf } from "../model/experiment";
import { onlyAblates } from "../model/patch";
import { shownDirection } from "../state/selectors";
import type { State } from "../state/state";
import { madeSource, shortSource } from "../text/source";

interface ShownSource {
  /** The value that a patched box has: "clean", "zero". */
  readonly own: string;
  /** The run that others move towards; undefined if they are only changed. */
  readonly towards: "clean" | "corrupted" | undefined;
}

export function shownSource(state: State): ShownSource {
  const patches = state.result?.patches ?? [];
  const made = madeSource(patches);
  const run = sourceOf(shownDirection(state));
  const own = (made && shortSource(made)) ?? run;
  return { own, towards: onlyAblates(patches) ? undefined : run };
}
