/** The path that is being made, when what was asked of it does not come. */

import { pathOf } from "../model/patch";
import type { Draft, State } from "./state";

/** A path without numbers is not drawn over those of something else: back to the path that is shown, or to the sender. */
export function draftWithoutAnswer({ draft, pending, result }: State): Draft | undefined {
  if (draft === undefined || pathOf(pending?.request.patches ?? []) === undefined) return draft;
  const shown = pathOf(result?.patches ?? []);
  const receivers = shown !== undefined && shown.sender === draft.sender ? shown.receivers : [];
  return { sender: draft.sender, receivers, choices: [] };
}
