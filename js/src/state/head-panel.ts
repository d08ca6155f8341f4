/** Which head the panel shows, and how. */

import { headOf, type Part } from "../model/head";

export interface HeadPanel {
  /** The head that had the focus last. */
  readonly head: string | undefined;
  readonly whole: boolean;
  readonly part: Part;
  readonly unfolded: boolean;
  /** The edge under the pointer or with the focus. */
  readonly edge: Edge | undefined;
  /** The head whose many paths are to be traced. */
  readonly traced: string | undefined;
}

/** From a query to a key: columns, as the clean prompt counts. */
export interface Edge {
  readonly query: number;
  readonly key: number;
}

export const NO_HEAD: HeadPanel = {
  head: undefined,
  whole: false,
  part: "q",
  unfolded: false,
  edge: undefined,
  traced: undefined,
};

/** The head of the panel after the focus moved, in the lanes or in a map. */
export function followFocus(panel: HeadPanel, site: string | undefined): HeadPanel {
  const head = site === undefined ? undefined : headOf(site);
  return head === undefined || head === panel.head ? panel : { ...panel, head, edge: undefined };
}
