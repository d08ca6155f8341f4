/** A token as text; bytes that are only a part of a character stand back. */

import { html } from "lit-html";
import { bytesApart, hasBytes } from "../text/tokens";

/** Takes a token as it is shown: with visible white space, cut if it is long. */
export function tokenSpans(shown: string) {
  if (!hasBytes(shown)) return shown;
  return bytesApart(shown).map((piece, i) =>
    i % 2 === 1 ? html`<span class="bytes">${piece}</span>` : piece,
  );
}
