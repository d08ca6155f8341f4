/** Decodes edited prompts, and the tokens of prompts that are being written. */

import type { Edit, Tokenised } from "../model/edit";
import { count, Fields, listOf, message, oneOf, shownText, text } from "./validate";

/** Texts stay as they are: they are put into fields and sent back. */
export function decodeEdit(value: unknown, where: string): Edit {
  const f = new Fields(value, where);
  return {
    pair: f.get("pair", count),
    clean: f.get("clean", text),
    corrupted: f.get("corrupted", text),
    answer: f.get("answer", text),
    foil: f.getOr("foil", text, null),
    align: f.raw("align") === true,
  };
}

function decodeProblem(value: unknown, where: string): Tokenised["problem"] {
  const f = new Fields(value, where);
  const field = f.getOr("field", oneOf("clean", "corrupted", "answer", "foil"), undefined);
  return { field, message: f.get("message", message) };
}

export function decodeTokenised(value: unknown): Tokenised {
  const f = new Fields(value, "tokens");
  const tokens = listOf(shownText);
  const position = (each: unknown, where: string) => (each === null ? null : count(each, where));
  return {
    clean: f.get("clean", tokens),
    corrupted: f.get("corrupted", tokens),
    counterparts: f.get("counterparts", listOf(position)),
    differs: f.get("differs", listOf(count)),
    answer: f.get("answer", listOf(tokens)),
    foil: f.get("foil", listOf(tokens)),
    problem: f.getOr("problem", decodeProblem, undefined),
  };
}
