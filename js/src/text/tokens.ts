/** Tokens as people read them. */

const VISIBLE: Readonly<Record<string, string>> = { "\n": "⏎", "\r": "␍", "\t": "⇥", " ": "␣" };

/** A token with visible spaces and line ends. */
export function tokenText(token: string): string {
  if (token === "") return "∅";
  return token.replace(/[\n\r\t ]/g, (c) => VISIBLE[c] ?? c);
}

/** A long token is cut in the middle, so that both its ends stay. */
export function shortToken(token: string, longest = 22): string {
  const shown = Array.from(tokenText(token));
  if (shown.length <= longest) return shown.join("");
  const half = Math.floor((longest - 1) / 2);
  return `${shown.slice(0, half).join("")}…${shown.slice(-half).join("")}`;
}

export function foldLabel(count: number, before: boolean): string {
  return before ? `⋯ ${count} identical tokens · exactly 0` : `⋯ ${count} identical`;
}
