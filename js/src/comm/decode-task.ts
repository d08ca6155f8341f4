/** Decodes the task of a `scene` or a `result`: the tokens of a pair, or what all pairs have in common. */

import type { TaskInfo } from "../model/experiment";
import { range } from "../model/math";
import { printable } from "../model/printable";
import { decodeEdit } from "./decode-edit";
import {
  count,
  countUpTo,
  DecodeError,
  Fields,
  listOf,
  message,
  NO_ENTRIES,
  number,
  numberOr,
  recordOf,
  shownText,
  text,
} from "./validate";

/** For each clean token its counterpart, in the same order; by default the token at the same position. */
function decodeCounterparts(f: Fields, clean: number, corrupted: number): TaskInfo["counterparts"] {
  if (!f.has("counterparts")) return range(clean);
  const position = countUpTo(corrupted - 1);
  const found = f.get(
    "counterparts",
    listOf((value, where) => (value === null ? null : position(value, where))),
  );
  const known = found.filter((at) => at !== null);
  const ordered = known.every((at, i) => i === 0 || at > (known[i - 1] ?? at));
  if (found.length !== clean || !ordered)
    throw new DecodeError(`${f.where}.counterparts: expected ${clean} in order`);
  return found;
}

/** A token; null where the pairs of a dataset have different ones. */
function decodeToken(value: unknown, where: string): string | null {
  return value === null ? null : shownText(value, where);
}

/** What a position is called where no token can stand: its name, how a site writes it, or its index. */
function placeName(
  at: number | undefined,
  positions: TaskInfo["positions"],
  places: TaskInfo["places"],
): string {
  if (at === undefined) return "·";
  const name = Object.entries(positions).find(([, index]) => index === at)?.[0];
  return name === undefined ? `@${places?.[at] ?? at}` : printable(name, 80);
}

function withoutWords(tokens: readonly (string | null)[]): readonly number[] {
  return tokens.flatMap((token, i) => (token === null ? [i] : []));
}

function decodeLengths(f: Fields, length: number): TaskInfo["lengths"] {
  const [fewest = length, most = fewest] = f.getOr("lengths", listOf(count), []);
  return [fewest, most];
}

export function decodeTask(value: unknown, where: string): TaskInfo {
  const f = new Fields(value, where);
  const clean = f.get("clean", listOf(decodeToken));
  const corrupted = f.get("corrupted", listOf(decodeToken));
  const positions = f.getOr("positions", recordOf(number), NO_ENTRIES);
  const places = f.getOr("places", listOf(text), undefined);
  const counterparts = decodeCounterparts(f, clean.length, corrupted.length);
  const inClean = (at: number) => counterparts.indexOf(at);
  const named = (token: string | null, at: number) =>
    token ?? placeName(at < 0 ? undefined : at, positions, places);
  // A picture that was saved has the names already, and says where they stand.
  const saved = f.getOr("varies", recordOf(listOf(count)), NO_ENTRIES);
  return {
    clean: clean.map(named),
    corrupted: corrupted.map((token, at) => named(token, inClean(at))),
    varies: {
      clean: saved.clean ?? withoutWords(clean),
      corrupted: saved.corrupted ?? withoutWords(corrupted),
    },
    places,
    text: f.getOr("text", decodeEdit, undefined),
    lengths: decodeLengths(f, clean.length),
    differs: f.get("differs", listOf(countUpTo(clean.length - 1))),
    counterparts,
    answer: f.get("answer", listOf(shownText)),
    foil: f.get("foil", listOf(shownText)),
    positions,
    n_pairs: f.get("n_pairs", numberOr(1)),
    warnings: f.getOr("warnings", listOf(message), []),
  };
}
