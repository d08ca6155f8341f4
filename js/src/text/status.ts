/** What the page says when it waits, fails or refuses. */

import { isolated } from "../model/printable";
import type { Connection, Problem } from "../model/status";

/** What is wrong with the connection; undefined if nothing is. */
export function connectionSentence(
  connection: Connection,
  waiting: string | undefined,
  shown: string | undefined,
): string | undefined {
  switch (connection) {
    case "live":
      return undefined;
    case "busy":
      return `The kernel is busy with another cell.${waiting ? ` ${waiting} is waiting.` : ""}`;
    case "gone":
      return `No Python is answering. Run this cell again.${shown ? ` You see the last result, ${shown}.` : ""}`;
    case "restarted":
      return "The kernel restarted. Run the notebook from the top.";
  }
}

/** What somebody else wrote, with one full stop at its end. */
export function sentence(text: string): string {
  return `${isolated(text.replace(/\.$/, ""))}.`;
}

/** On a saved page there is no model to speak of, and what is missing is named already. */
export function problemSentence({ site, message }: Problem, saved = false): string {
  if (saved) return sentence(message);
  const named = site === undefined || message.startsWith(site) || site.includes("+");
  const said = sentence(message);
  return `${named ? said : `${isolated(site)} failed: ${said}`} The model is unchanged.`;
}

/** "No L5.resid_mid here: attention and MLP run in parallel. …" */
export function refusalSentence(site: string, reason: string): string {
  return `No ${isolated(site)} here: ${sentence(reason)}`;
}

export const NO_COUNTERPART = {
  clean: "no counterpart in the corrupted prompt, so not patchable",
  corrupted: "no counterpart in the clean prompt, so not patchable",
} as const;

/** In place of what only Python can say. */
export const NO_PYTHON = "Only Python can tell: run this cell again.";
