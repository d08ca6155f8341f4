/** The path that is being made, when what was asked of it does not come, or comes after all. */

import { pathOf } from "../model/patch";
import type { Result } from "../model/result";
import type { Draft, State } from "./state";

/** A path without numbers is not drawn over those of something else: back to the path that is shown, or to the sender. */
export function draftWithoutAnswer({ draft, pending, result }: State): Draft | undefined {
  if (draft === undefined || pathOf(pending?.request.patches ?? []) === undefined) return draft;
  const shown = pathOf(result?.patches ?? []);
  const receivers = shown !== undefined && shown.sender === draft.sender ? shown.receivers : [];
  return { sender: draft.sender, receivers, choices: [] };
}

/** A path from the sender that was chosen, which is shown though nothing is asked for any more: it goes on from there. */
export function draftWithAnswer({ draft, pending }: State, result: Result): Draft | undefined {
  const path = pathOf(result.patches);
  if (path === undefined || draft === undefined || pending !== undefined) return draft;
  const open = draft.receivers.length === 0 && draft.choices.length === 0;
  return open && path.sender === draft.sender ? { ...path, choices: [] } : draft;
}
