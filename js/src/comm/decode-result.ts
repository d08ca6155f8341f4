/** Decodes the `result` and `singles` messages. */

import { onlyAblates, type Patch } from "../model/patch";
import { undirected } from "../model/reach";
import type {
  PastResult,
  Reach,
  Reading,
  Result,
  Single,
  TokenComparison,
  TokenScore,
} from "../model/result";
import { decodeDirection, decodeRun } from "./decode-scene";
import { decodeSource } from "./decode-source";
import { type Buffers, decodeGrids } from "./grids";
import {
  count,
  Fields,
  listOf,
  maybeNumber,
  messageOr,
  number,
  numberOrNaN,
  recordOf,
  shownText,
  text,
} from "./validate";

function decodeReading(value: unknown, where: string): Reading {
  const f = new Fields(value, where);
  return {
    value: f.get("value", maybeNumber),
    effect: f.get("effect", maybeNumber),
    share: f.get("share", maybeNumber),
    recovery: f.get("recovery", maybeNumber),
    reason: f.get("reason", messageOr(null)),
    ...(f.has("spread") ? { draws: f.get("draws", count), spread: f.get("spread", number) } : {}),
  };
}

export function decodePatch(value: unknown, where: string): Patch {
  const f = new Fields(value, where);
  return {
    site: f.get("site", shownText),
    source: f.getOr("source", decodeSource, "source"),
  };
}

function decodeScore(value: unknown, where: string): TokenScore {
  const f = new Fields(value, where);
  return { logit: f.get("logit", numberOrNaN), prob: f.get("prob", numberOrNaN) };
}

function decodeToken(value: unknown, where: string): TokenComparison {
  const f = new Fields(value, where);
  return {
    token: f.get("token", shownText),
    clean: f.get("clean", decodeScore),
    patched: f.get("patched", decodeScore),
    corrupted: f.get("corrupted", decodeScore),
  };
}

function decodeReach(f: Fields, buffers: Buffers): Reach | undefined {
  if (!f.has("reach")) return undefined;
  const reach = new Fields(f.raw("reach"), "result.reach");
  return { position: reach.get("position", number), grids: decodeGrids(f, reach, buffers) };
}

function pastResult(f: Fields, id: number): PastResult {
  return {
    id,
    patches: f.get("patches", listOf(decodePatch)),
    direction: f.get("direction", decodeDirection),
    metric: f.get("metric", text),
    readings: f.get("readings", recordOf(decodeReading)),
  };
}

/** An item of `history`, which has no id of its own. */
export function decodePastResult(id: number) {
  return (value: unknown, where: string) => pastResult(new Fields(value, where), id);
}

export function decodeResult(value: unknown, buffers: Buffers): Result {
  const f = new Fields(value, "result");
  const past = pastResult(f, f.get("id", number));
  const shown = (reach: Reach | undefined) =>
    reach !== undefined && onlyAblates(past.patches) ? undirected(reach) : reach;
  return {
    ...past,
    patched: f.get("patched", decodeRun),
    tokens: f.getOr("tokens", listOf(decodeToken), []),
    reach: shown(decodeReach(f, buffers)),
    source: f.getOr("source", decodeSource, "source"),
  };
}

export function decodeSingle(value: unknown, where: string): Single {
  const f = new Fields(value, where);
  return { site: f.get("site", shownText), readings: f.get("readings", recordOf(decodeReading)) };
}
