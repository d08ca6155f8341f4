/** The menu of exports: files and the lines of Python. What only Python can write says so where none answers. */

import { html, nothing } from "lit-html";
import type { Delivery, FileFormat } from "../model/file";
import { isLost } from "../model/status";
import { selectedCode } from "../state/selectors";
import type { State } from "../state/state";
import type { Context } from "./context";
import { switchOf } from "./switch";

interface Choice {
  readonly format: FileFormat;
  readonly label: string;
  readonly title: string;
  readonly written: boolean;
}

const CHOICES: readonly Choice[] = [
  {
    format: "svg",
    label: "SVG",
    title: "this view as a picture with real text, sharp at any size",
    written: false,
  },
  {
    format: "png",
    label: "PNG",
    title: "this view as a picture of twice its size",
    written: false,
  },
  {
    format: "csv",
    label: "CSV",
    title: "both maps: each cell with all its digits",
    written: false,
  },
  {
    format: "mermaid",
    label: "Mermaid",
    title: "what is patched as a diagram for Markdown",
    written: true,
  },
  { format: "page", label: "Page", title: "an HTML page that works without Python", written: true },
];

const DELIVERIES = [
  ["save", "Download"],
  ["copy", "Copy"],
] as const;

/** Why Python writes nothing now; undefined if it does. */
function noPython({ scene, connection }: State): string | undefined {
  if (isLost(connection))
    return "Mermaid and Page are written by Python, and no Python is answering.";
  return scene?.can_sweep
    ? undefined
    : "Mermaid and Page are written by Python: run this cell again to have them.";
}

function button(
  cx: Context,
  { format, label, title, written }: Choice,
  reason: string | undefined,
) {
  const { writing } = cx.state;
  const off = written && (reason !== undefined || writing !== undefined);
  return html`<button type="button" class="tool" data-export=${format} title=${title} ?disabled=${off}
    @click=${() => cx.act.export(format)}>${label}</button>`;
}

export function exportPanel(cx: Context, close: unknown) {
  const { state, act } = cx;
  const lines = selectedCode(state);
  const reason = noPython(state);
  const { writing, delivery } = state;
  const said = writing === undefined ? reason : `Python is writing the ${writing.format} file …`;
  const chosen = (to: Delivery) => act.delivery(to);
  return html`<div class="panel export"><div class="export-line"><div class="buttons" role="group" aria-label="files">${CHOICES.map(
    (choice) => button(cx, choice, reason),
  )}</div>${switchOf("where files go", DELIVERIES, delivery, chosen)}<span class="hint" role="status">${said ?? nothing}</span>${close}</div>
    <div class="code"><pre tabindex="0" aria-label="code">${lines ?? "Waiting for Python to write the lines …"}</pre>
    <button type="button" class="copy-code" ?disabled=${lines === undefined} @click=${() => act.copy(lines ?? "")}>Copy code</button></div></div>`;
}
