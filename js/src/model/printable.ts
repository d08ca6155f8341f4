/** Other people's text, so that nothing in it hides or turns what stands around it; `patchwidgets/tokens.py` does the same. */

/** Characters that show nothing, or that turn the direction of text; line ends, tabs and spaces are not among them. */
const INVISIBLE =
  "0-8 b-c e-1f 7f-a0 ad 34f 61c 115f-1160 1680 17b4-17b5 180b-180f 2000-200f 2028-202f 205f-206f 2800 3000 3164 " +
  "d800-dfff fe00-fe0f feff ffa0 fff0-fffb 1bca0-1bca3 1d159 1d173-1d17a e0000-e0fff";

const RIGHT_TO_LEFT = "590-8ff fb1d-fdff fe70-fefe 10800-10fff 1e800-1efff";

function characters(ranges: string, flags: string): RegExp {
  const escaped = ranges.replace(/[0-9a-f]+/g, "\\u{$&}").replaceAll(" ", "");
  return new RegExp(`[${escaped}]`, flags);
}

const invisible = characters(INVISIBLE, "gu");

const rightToLeft = characters(RIGHT_TO_LEFT, "u");

function asCode(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
}

/** The text with invisible characters as ‹U+202E›; a long one is cut. Twice gives the same as once. */
export function printable(text: string, longest = 2000): string {
  const shown = text.slice(0, longest + 1).replace(invisible, asCode);
  if (shown.length <= longest) return shown;
  // A character of two code units is not cut in half.
  return `${shown.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** The same of a sentence, in which Python has isolated pieces of text: these stay isolated. */
export function printableMessage(text: string, longest = 2000): string {
  const parts = text.slice(0, 2 * longest).split(/\u2068([^\u2066-\u2069]*)\u2069/);
  const shown = parts.map((part, i) => (i % 2 === 1 ? isolated(printable(part)) : printable(part)));
  const whole = shown.join("");
  return whole.length <= longest ? whole : printable(whole, longest);
}

/** Right-to-left text keeps its direction to itself; what follows in the same line stays in its place. */
export function isolated(text: string): string {
  return rightToLeft.test(text) ? `\u2068${text}\u2069` : text;
}
