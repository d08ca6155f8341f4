/** What a saved page has no answer to, in words. */

/** What a page has of single boxes: at all positions, and which parts of layers at one position. */
export interface Recorded {
  readonly boxes: boolean;
  readonly positioned: readonly string[];
  /** There are patches in the history. */
  readonly kept: boolean;
}

export const PATHS_NEED_PYTHON =
  "This page has no model to follow new paths in: exp.path('L0.H1->L2.H3.q') needs Python.";

export const CIRCUITS_NEED_PYTHON =
  "Circuits need Python, as in exp.evaluate(pw.Circuit(['L0.H1'])): this page has no runs in which only a selection is kept.";

export const BOX_NEEDS_PYTHON = "not in this page, needs Python";

/** What to click on a saved page, and what needs Python. */
export function savedStep({ boxes, positioned, kept }: Recorded): string {
  const others = kept ? ", other than those in History," : "";
  if (!boxes) return `Patches${others} need Python.`;
  const more = `Joint patches and paths${others} need Python.`;
  if (positioned.length === 0) return `Single positions need Python. ${more}`;
  return `Click a token to patch ${positioned.join(" or ")} at one position. ${more}`;
}
