/** What the parts of a head's panel have in common: a heading with its scope, and what stands there meanwhile. */

import { html } from "lit-html";
import { type Lane, shownLanes } from "../../model/experiment";
import type { FactKind } from "../../model/facts";
import { canAsk, hasPatchedRun } from "../../state/head";
import { NO_PYTHON, sentence } from "../../text/status";
import { again } from "../again";
import type { Context } from "../context";

/** The runs that differ: without a patch the patched one is its host. */
export function headLanes(cx: Context): readonly Lane[] {
  return shownLanes(hasPatchedRun(cx.state));
}

/** Why something is not there yet, or will not be. */
export function missing(
  cx: Context,
  kind: FactKind,
  phase: "asked" | "answered" | "dropped" | "failed" | "none",
  message: string,
  waiting: string,
) {
  const button = again(cx, () => cx.act.askAgain(kind));
  if (phase === "failed")
    return html`<p class="none" data-phase="failed">${sentence(message)} ${button}</p>`;
  if (phase === "dropped")
    return html`<p class="none" data-phase="dropped">Stopped before it was done. ${button}</p>`;
  const said = canAsk(cx.state) ? waiting : NO_PYTHON;
  return html`<p class="none" data-phase=${phase}>${said}</p>`;
}

export function part(name: string, title: unknown, scope: unknown, content: unknown) {
  return html`<div class="head-part ${name}" role="group" aria-label=${name}>
    <h4>${title}<span class="scope">${scope}</span></h4>${content}</div>`;
}
