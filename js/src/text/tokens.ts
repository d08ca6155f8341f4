/** Tokens as people read them. */

import { isolated, printable } from "../model/printable";

const WHITE_SPACE: Readonly<Record<string, string>> = {
  "\n": "⏎",
  "\r": "␍",
  "\t": "⇥",
  " ": "␣",
};

/** A token whose white space and invisible characters can be seen; `patchwidgets/tokens.py` does the same. */
export function visible(token: string): string {
  if (token === "") return "∅";
  return printable(token).replace(/[\n\r\t ]/g, (c) => WHITE_SPACE[c] ?? c);
}

/** A token within a line of text. */
export function tokenText(token: string): string {
  return isolated(visible(token));
}

/** The characters of a token that have room; a long one is cut in the middle, so that both its ends stay. */
function shortened(token: string, longest: number): readonly string[] {
  const shown = Array.from(visible(token));
  if (shown.length <= longest) return shown;
  const half = Math.floor((longest - 1) / 2);
  return [...shown.slice(0, half), "…", ...shown.slice(-half)];
}

export function shortToken(token: string, longest = 22): string {
  return isolated(shortened(token, longest).join(""));
}

/** How many characters of a token `shortToken` shows. */
export function shortLength(token: string, longest: number): number {
  return shortened(token, longest).length;
}

export function foldLabel(count: number, before: boolean): string {
  return before ? `⋯ ${count} identical tokens · exactly 0` : `⋯ ${count} identical`;
}
