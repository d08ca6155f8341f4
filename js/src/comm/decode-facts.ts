/** Decodes the answers to questions: `head`, `senders`, `lens`. */

import type { Lane } from "../model/experiment";
import type { Fact, FactKind } from "../model/facts";
import type { Effect, FedPart, HeadFacts, SenderFacts, Written, WrittenToken } from "../model/head";
import { LENS_METHODS, type LensFacts, type LensLayer } from "../model/lens";
import type { Grid } from "../model/result";
import { decodeCircuit, decodeCurve } from "./decode-circuit";
import { decodePatch } from "./decode-result";
import { decodeDirection, decodePair } from "./decode-scene";
import { type Buffers, decodeGrids } from "./grids";
import {
  count,
  DecodeError,
  Fields,
  listOf,
  maybeNumber,
  messageOr,
  number,
  numberOrNaN,
  oneOf,
  shownText,
  text,
} from "./validate";

const LANES: readonly Lane[] = ["clean", "patched", "corrupted"];

function decodeWrittenToken(value: unknown, where: string): WrittenToken {
  const f = new Fields(value, where);
  return { token: f.get("token", shownText), logit: f.get("logit", numberOrNaN) };
}

function decodeWritten(value: unknown, where: string): Written {
  const f = new Fields(value, where);
  const tokens = listOf(decodeWrittenToken);
  return { up: f.get("up", tokens), down: f.get("down", tokens) };
}

/** What is there of each run. */
function ofRuns<T>(read: (lane: Lane) => T | undefined): Partial<Record<Lane, T>> {
  const found = LANES.map((lane) => [lane, read(lane)] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

function square(grid: Grid | undefined, whole: boolean, where: string): Grid | undefined {
  const [queries, keys] = grid?.shape ?? [];
  if (grid === undefined || (grid.shape.length === 2 && queries === (whole ? keys : 1)))
    return grid;
  throw new DecodeError(`${where}: expected queries and keys, got ${grid.shape.join(" × ")}`);
}

function decodeHead(f: Fields, buffers: Buffers): HeadFacts {
  const attention = f.get("attention", (value, where) => new Fields(value, where));
  const written = f.get("written", (value, where) => new Fields(value, where));
  const runs = written.get("runs", (value, where) => new Fields(value, where));
  const grids = decodeGrids(f, f, buffers);
  const whole = attention.raw("whole") === true;
  return {
    head: f.get("head", shownText),
    position: f.get("position", count),
    patches: f.get("patches", listOf(decodePatch)),
    direction: f.get("direction", decodeDirection),
    pair: f.getOr("pair", decodePair, "mean"),
    whole,
    noAttention: attention.get("reason", messageOr(null)),
    attention: ofRuns((lane) => square(grids[lane], whole, `head.${lane}`)),
    nothingWritten: written.get("reason", messageOr(null)),
    written: ofRuns((lane) => (runs.has(lane) ? runs.get(lane, decodeWritten) : undefined)),
  };
}

function decodeEffect(value: unknown, where: string): Effect {
  const f = new Fields(value, where);
  return { effect: f.get("effect", maybeNumber), share: f.get("share", maybeNumber) };
}

function decodePart(value: unknown, where: string): FedPart {
  const f = new Fields(value, where);
  return {
    part: f.get("part", oneOf("q", "k", "v")),
    name: f.getOr("name", shownText, null),
    reason: f.get("reason", messageOr(null)),
    n: f.get("n", count),
    senders: f.get(
      "senders",
      listOf((each, at) => ({
        site: new Fields(each, at).get("site", shownText),
        ...decodeEffect(each, at),
      })),
    ),
  };
}

function decodeSenders(f: Fields): SenderFacts {
  return {
    head: f.get("head", shownText),
    direction: f.get("direction", decodeDirection),
    pair: f.getOr("pair", decodePair, "mean"),
    metric: f.get("metric", text),
    total: f.get("total", decodeEffect),
    direct: f.get("direct", decodeEffect),
    parts: f.get("receivers", listOf(decodePart)),
  };
}

function decodeLayer(value: unknown, where: string): LensLayer {
  const f = new Fields(value, where);
  const top = (each: unknown, at: string) => {
    const token = new Fields(each, at);
    return { token: token.get("token", shownText), prob: token.get("prob", numberOrNaN) };
  };
  const answer = (each: unknown, at: string) => {
    const followed = new Fields(each, at);
    return { prob: followed.get("prob", numberOrNaN), rank: followed.get("rank", number) };
  };
  return { top: f.get("top", listOf(top)), answer: f.getOr("answer", answer, null) };
}

function decodeLens(f: Fields): LensFacts {
  const runs = f.get("runs", (value, where) => new Fields(value, where));
  const layers = listOf(decodeLayer);
  return {
    method: f.get("method", oneOf(...LENS_METHODS)),
    methods: f.get("methods", listOf(oneOf(...LENS_METHODS))),
    position: f.get("position", count),
    patches: f.get("patches", listOf(decodePatch)),
    direction: f.get("direction", decodeDirection),
    pair: f.getOr("pair", decodePair, "mean"),
    fit: f.getOr("fit", shownText, null),
    reason: f.get("reason", messageOr(null)),
    runs: {
      clean: runs.getOr("clean", layers, []),
      patched: runs.getOr("patched", layers, []),
      corrupted: runs.getOr("corrupted", layers, []),
    },
  };
}

export function decodeFact(kind: FactKind, f: Fields, buffers: Buffers): Fact {
  switch (kind) {
    case "head":
      return { kind, ...decodeHead(f, buffers) };
    case "senders":
      return { kind, ...decodeSenders(f) };
    case "lens":
      return { kind, ...decodeLens(f) };
    case "circuit":
      return { kind, ...decodeCircuit(f) };
    case "curve":
      return { kind, ...decodeCurve(f) };
  }
}
