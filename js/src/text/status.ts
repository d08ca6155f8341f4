/** What the page says when it waits, fails or refuses. */

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

export function problemSentence({ site, message }: Problem): string {
  const said = message.replace(/\.?$/, ".");
  const named = site === undefined || said.startsWith(site) || site.includes("+");
  return `${named ? said : `${site} failed: ${said}`} The model is unchanged.`;
}

/** "No L5.resid_mid here: attention and MLP run in parallel. …" */
export function refusalSentence(site: string, reason: string): string {
  return `No ${site} here: ${reason.replace(/\.?$/, ".")}`;
}

export const NO_COUNTERPART = {
  clean: "no counterpart in the corrupted prompt, so not patchable",
  corrupted: "no counterpart in the clean prompt, so not patchable",
} as const;
