/** Decodes the marks of patches: notes and pins. */

import type { Marked, PinnedTokens, SavedPin } from "../model/mark";
import { decodeEdit } from "./decode-edit";
import { decodeOverPairs } from "./decode-pairs";
import { decodePastResult, decodePatch, decodeToken } from "./decode-result";
import { decodeDirection, decodePair } from "./decode-scene";
import { Fields, flag, listOf, number, recordOf, text } from "./validate";

/** A note stays as it is: it is put into a field and sent back. */
export function decodeMarked(f: Fields): Marked {
  return {
    patches: f.get("patches", listOf(decodePatch)),
    direction: f.get("direction", decodeDirection),
    edits: f.getOr("edits", listOf(decodeEdit), []),
    note: f.get("note", text),
    pinned: f.get("pinned", flag),
  };
}

function decodeTokens(value: unknown, where: string): PinnedTokens {
  const f = new Fields(value, where);
  return { pair: f.get("pair", decodePair), rows: f.get("rows", listOf(decodeToken)) };
}

/** A pin of a saved picture. */
export function decodeSavedPin(value: unknown, where: string): SavedPin {
  const f = new Fields(value, where);
  const past = (saved: unknown, at: string) => {
    const r = new Fields(saved, at);
    const over_pairs = r.getOr("over_pairs", recordOf(decodeOverPairs), undefined);
    return { ...decodePastResult(r.get("id", number))(saved, at), over_pairs };
  };
  return {
    result: f.get("result", past),
    note: f.getOr("note", text, ""),
    tokens: f.getOr("tokens", decodeTokens, undefined),
  };
}
