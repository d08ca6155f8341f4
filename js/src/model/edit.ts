/** Prompts that a person has written in place of those of the task. */

export type EditField = "clean" | "corrupted" | "answer" | "foil";

/** One pair of prompts. In answer and foil, | separates alternatives. */
export interface Edit {
  readonly pair: number;
  readonly clean: string;
  readonly corrupted: string;
  readonly answer: string;
  /** null for a task without foils. */
  readonly foil: string | null;
  /** Prompts of unequal token counts are matched; otherwise they are refused. */
  readonly align: boolean;
}

/** What the kernel says about an edit while it is written. */
export interface Tokenised {
  readonly clean: readonly string[];
  readonly corrupted: readonly string[];
  /** As proposed, whether or not it is used. */
  readonly counterparts: readonly (number | null)[];
  readonly differs: readonly number[];
  /** The tokens of each alternative; none where it cannot follow the prompt. */
  readonly answer: readonly (readonly string[])[];
  readonly foil: readonly (readonly string[])[];
  readonly problem: { readonly field: EditField | undefined; readonly message: string } | undefined;
}

/** The edits with one more; a pair has one at most. */
export function withEdit(edits: readonly Edit[], edit: Edit): readonly Edit[] {
  const others = edits.filter(({ pair }) => pair !== edit.pair);
  return [...others, edit].sort((a, b) => a.pair - b.pair);
}

export function sameEdits(a: readonly Edit[], b: readonly Edit[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** An answer with one of its alternatives replaced. */
export function withAlternative(text: string, index: number, alternative: string): string {
  return text
    .split("|")
    .map((each, i) => (i === index ? alternative : each))
    .join("|");
}
