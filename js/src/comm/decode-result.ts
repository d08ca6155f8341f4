/** Decodes the `result` and `singles` messages. */

import type { Patch } from "../model/patch";
import type { Reach, Reading, Result, Single, TokenComparison, TokenScore } from "../model/result";
import { DIRECTIONS, decodeRun } from "./decode-scene";
import { type Buffers, gridsOf, plainGrid } from "./grids";
import { type Fields, fields, list, maybeNumber, number, oneOf, record, text } from "./validate";

const SOURCES = ["source", "clean", "corrupted", "host"] as const;

function reading(value: unknown, where: string): Reading {
  const f = fields(value, where);
  return {
    value: maybeNumber(f.value, `${where}.value`),
    effect: maybeNumber(f.effect, `${where}.effect`),
    share: maybeNumber(f.share, `${where}.share`),
    recovery: maybeNumber(f.recovery, `${where}.recovery`),
    reason: typeof f.reason === "string" ? f.reason : null,
  };
}

function patch(value: unknown, where: string): Patch {
  const f = fields(value, where);
  return {
    site: text(f.site, `${where}.site`),
    source: oneOf(f.source ?? "source", SOURCES, `${where}.source`),
  };
}

function score(value: unknown, where: string): TokenScore {
  const f = fields(value, where);
  return {
    logit: maybeNumber(f.logit, `${where}.logit`) ?? Number.NaN,
    prob: maybeNumber(f.prob, `${where}.prob`) ?? Number.NaN,
  };
}

function tokenRow(value: unknown, where: string): TokenComparison {
  const f = fields(value, where);
  return {
    token: text(f.token, `${where}.token`),
    clean: score(f.clean, `${where}.clean`),
    patched: score(f.patched, `${where}.patched`),
    corrupted: score(f.corrupted, `${where}.corrupted`),
  };
}

function reachOf(f: Fields, buffers: Buffers): Reach | undefined {
  if (f.reach === null || f.reach === undefined) return undefined;
  const reach = fields(f.reach, "result.reach");
  const position = number(reach.position, "result.reach.position");
  const grids =
    reach.grids === undefined
      ? gridsOf(f.buffers, buffers)
      : record(reach.grids, "result.reach.grids", plainGrid);
  return { position, grids };
}

export function decodeResult(value: unknown, buffers: Buffers): Result {
  const f = fields(value, "result");
  return {
    id: number(f.id, "result.id"),
    patches: list(f.patches, "result.patches", patch),
    direction: oneOf(f.direction, DIRECTIONS, "result.direction"),
    metric: text(f.metric, "result.metric"),
    readings: record(f.readings, "result.readings", reading),
    patched: decodeRun(f.patched, "result.patched"),
    tokens: list(f.tokens ?? [], "result.tokens", tokenRow),
    reach: reachOf(f, buffers),
    seconds: maybeNumber(f.seconds, "result.seconds"),
  };
}

export function decodeSingle(value: unknown, where: string): Single {
  const f = fields(value, where);
  return {
    site: text(f.site, `${where}.site`),
    readings: record(f.readings, `${where}.readings`, reading),
  };
}
