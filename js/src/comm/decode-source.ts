/** Decodes sources of patches. What the page does not read is kept, since it is sent back. */

import {
  type Cut,
  MADE_KINDS,
  type Made,
  type Offered,
  RUN_NAMES,
  type Source,
} from "../model/source";
import { countUpTo, Fields, listOf, messageOr, number, oneOf, text } from "./validate";

const decodeName = oneOf(...RUN_NAMES);

const decodeMadeKind = oneOf(...MADE_KINDS);

/** As many draws as a kernel takes. */
const MOST_DRAWS = 1000;

/** A position, as a number or as the task names it. */
function decodePosition(value: unknown, where: string): number | string {
  return typeof value === "string" ? value : number(value, where);
}

/** Plain JSON without a prototype of anybody's choosing. */
function plain(value: unknown): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
}

function decodeMade(value: unknown, where: string): Made {
  const f = new Fields(value, where);
  const kind = f.get("kind", decodeMadeKind);
  const checks = {
    n: countUpTo(MOST_DRAWS),
    alpha: number,
    site: text,
    pos: decodePosition,
    run: decodeName,
    per: text,
  };
  for (const [name, check] of Object.entries(checks)) {
    if (f.has(name)) f.get<unknown>(name, check);
  }
  return { ...plain(value), kind };
}

function decodeCut(value: unknown, where: string): Cut {
  const f = new Fields(value, where);
  return { kind: f.get("kind", oneOf("cut")), keys: f.get("keys", listOf(decodePosition)) };
}

export function decodeSource(value: unknown, where: string): Source {
  if (typeof value === "string") return decodeName(value, where);
  const { kind } = (value ?? {}) as { kind?: unknown };
  return kind === "cut" ? decodeCut(value, where) : decodeMade(value, where);
}

export function decodeOffered(value: unknown, where: string): Offered {
  const f = new Fields(value, where);
  return { source: f.get("source", decodeMade), reason: f.get("reason", messageOr(null)) };
}
