/** What a quiz page knows of its questions, made by `patchwidgets/course/questions.py`. */

/** An answer in the one form in which answers are compared: "L9.H6", "L3.mlp_out", a position or a number, a choice. */
export type Key = string | number;

export interface Question {
  readonly kind: "head" | "component" | "position" | "number" | "choice";
  readonly right: readonly Key[];
  /** How far a number may be off. */
  readonly tolerance: number;
  readonly foreseen: readonly { readonly answers: readonly Key[]; readonly says: string }[];
  readonly praise: string;
  readonly otherwise: string;
}

export interface Quiz {
  readonly layers: number;
  readonly heads: number;
  /** The tokens of the first pair: of the clean prompt, and their counterparts in the corrupted one. */
  readonly prompts: readonly [readonly string[], readonly string[]];
  /** What the task calls them. */
  readonly positions: Readonly<Record<string, number>>;
  readonly questions: readonly Question[];
}
