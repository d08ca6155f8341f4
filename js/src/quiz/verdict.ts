/** What a student hears about an answer: right, or a sentence that leads on. */

import { read, roundedBy } from "./answers";
import type { Key, Question, Quiz } from "./question";

export interface Verdict {
  readonly right: boolean;
  readonly says: string;
}

/** At most this part of a number is lost where it is rounded: 18 for 17.96, and not 1 for 0.62. */
const ROUNDED_AWAY = 0.1;

function isOneOf(given: Key, answers: readonly Key[], tolerance: number, rounding = 0): boolean {
  return answers.some((answer) => {
    if (typeof answer !== "number" || typeof given !== "number") return answer === given;
    const rounded = Math.min(rounding, Math.abs(answer) * ROUNDED_AWAY) * (1 + 1e-9);
    return Math.abs(answer - given) <= Math.max(tolerance, rounded);
  });
}

/** Compare an answer with the right one, then with those that are likely and wrong, as a page rounds them. */
export function judge(text: string, question: Question, quiz: Quiz): Verdict {
  if (text.trim() === "") return { right: false, says: "There is no answer yet." };
  const { right, tolerance, praise } = question;
  const given = read(text, question.kind, quiz);
  if (typeof given === "object") return { right: false, says: given.says };
  if (isOneOf(given, right, tolerance)) return { right: true, says: praise };
  const rounding = question.kind === "number" ? roundedBy(text) : 0;
  // Another number could be meant as well.
  if (isOneOf(given, right, tolerance, rounding))
    return { right: false, says: "Write it with more digits." };
  const wrong = question.foreseen.find((each) => isOneOf(given, each.answers, tolerance, rounding));
  return { right: false, says: wrong?.says ?? question.otherwise };
}
