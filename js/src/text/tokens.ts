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

/** Characters that are as wide as two letters: Chinese, Japanese, Korean, pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;

/** How many letters a token is wide as `shortToken` shows it. */
export function shortLength(token: string, longest: number): number {
  return shortened(token, longest).reduce((sum, one) => sum + (WIDE.test(one) ? 2 : 1), 0);
}

/** The bytes of a part of a character, as Python writes them: ‹E6 97›. */
const BYTES = /(‹[0-9A-F]{2}(?: [0-9A-F]{2})*›)/;

/** A shown token in pieces: every second one is bytes that make no whole character. */
export function bytesApart(shown: string): readonly string[] {
  return shown.split(BYTES);
}

export function hasBytes(token: string): boolean {
  return BYTES.test(token);
}

export function foldLabel(count: number, before: boolean): string {
  return before ? `⋯ ${count} identical tokens · exactly 0` : `⋯ ${count} identical`;
}
