/** Decodes the `result` and `singles` messages. */

import { onlyAblates, type Patch } from "../model/patch";
import { undirected } from "../model/reach";
import type {
  PastResult,
  Reach,
  Result,
  Single,
  TokenComparison,
  TokenScore,
} from "../model/result";
import { decodeEdit } from "./decode-edit";
import { decodeOverPairs } from "./decode-pairs";
import { decodeReading } from "./decode-reading";
import { decodeDirection, decodeMetric, decodePair, decodeRun, decodeRuns } from "./decode-scene";
import { decodeSource } from "./decode-source";
import { decodeTask } from "./decode-task";
import { type Buffers, decodeGrids } from "./grids";
import { Fields, flag, listOf, number, numberOrNaN, recordOf, shownText, text } from "./validate";

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

export function decodeToken(value: unknown, where: string): TokenComparison {
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
    pair: f.getOr("pair", decodePair, "mean"),
    edits: f.getOr("edits", listOf(decodeEdit), []),
    readings: f.get("readings", recordOf(decodeReading)),
  };
}

/** An item of `history`, which has no id of its own. */
export function decodePastResult(id: number) {
  return (value: unknown, where: string): PastResult => {
    const f = new Fields(value, where);
    const marks = {
      note: f.getOr("note", text, undefined),
      pinned: f.getOr("pinned", flag, undefined),
    };
    return { ...pastResult(f, id), ...marks };
  };
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
    task: f.getOr("task", decodeTask, undefined),
    runs: f.getOr("runs", decodeRuns, undefined),
    metrics: f.getOr("metrics", listOf(decodeMetric), undefined),
    over_pairs: f.getOr("over_pairs", recordOf(decodeOverPairs), undefined),
  };
}

export function decodeSingle(value: unknown, where: string): Single {
  const f = new Fields(value, where);
  return { site: f.get("site", shownText), readings: f.get("readings", recordOf(decodeReading)) };
}
