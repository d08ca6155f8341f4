/** What becomes of prompts that are being written, when the kernel answers: their part of the reducer. */

import { sameEdits, type Tokenised } from "../model/edit";
import type { Result } from "../model/result";
import { draftEdits, type Editing } from "./editing";
import type { State } from "./state";

export function withTokens(state: State, id: number, tokens: Tokenised | undefined): State {
  const { editing } = state;
  if (editing?.asked !== id) return state;
  const known = tokens ?? editing.tokens;
  return { ...state, editing: { ...editing, asked: undefined, tokens: known } };
}

/** The editor closes when its prompts have run. */
export function editingAfter({ editing }: State, { edits }: Result): Editing | undefined {
  return editing !== undefined && sameEdits(draftEdits(editing), edits) ? undefined : editing;
}

/** A failure of prompts that were edited is said in the editor; undefined if it is of something else. */
export function withEditProblem(state: State, message: string): State | undefined {
  const { editing, pending } = state;
  if (editing === undefined || pending === undefined) return undefined;
  if (!sameEdits(pending.request.edits, draftEdits(editing))) return undefined;
  return { ...state, pending: undefined, editing: { ...editing, problem: message } };
}
