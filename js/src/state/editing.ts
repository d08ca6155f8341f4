/** Prompts that are being written. */

import { type Edit, type EditField, type Tokenised, withEdit } from "../model/edit";

export interface Editing {
  readonly draft: Edit;
  /** The edits of other pairs, and of this one before. */
  readonly base: readonly Edit[];
  /** The prompt whose pencil opened it. */
  readonly from: EditField;
  /** The newest question for tokens, until it is answered. */
  readonly asked: number | undefined;
  /** The newest answer. While a question is open, it is about an earlier text. */
  readonly tokens: Tokenised | undefined;
  /** Why the prompts could not run. */
  readonly problem: string | undefined;
}

/** The edits that the draft makes. */
export function draftEdits({ base, draft }: Editing): readonly Edit[] {
  return withEdit(base, draft);
}

/** What is wrong with the draft, as far as is known: what is said of it, and of which field. */
export function draftProblem(editing: Editing): Tokenised["problem"] {
  const { problem, tokens } = editing;
  return problem === undefined ? tokens?.problem : { field: undefined, message: problem };
}
