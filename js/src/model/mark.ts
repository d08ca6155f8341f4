/** What a person says about a patch of the history: a note, and that others are compared with it. */

import type { ShownPair } from "./experiment";
import type { Run } from "./patch";
import type { PastResult, TokenComparison } from "./result";

/** A change: what it does not name stays. */
export interface Mark {
  readonly note?: string;
  readonly pinned?: boolean;
}

export interface Marked extends Run {
  readonly note: string;
  readonly pinned: boolean;
}

/** Characters; the kernel refuses longer ones. */
export const LONGEST_NOTE = 500;

/** One more takes the place of the earliest in the history. */
export const MOST_PINS = 2;

/** The tokens that a pinned patch was shown with. */
export interface PinnedTokens {
  readonly pair: ShownPair;
  readonly rows: readonly TokenComparison[];
}

/** A pin as it is kept with a notebook. */
export interface SavedPin {
  readonly result: PastResult;
  readonly note: string;
  readonly tokens: PinnedTokens | undefined;
}
