/** Decodes the `scene` message. */

import type { MetricInfo, ModelInfo, Run, Scene, ShownPair, TopToken } from "../model/experiment";
import { printable } from "../model/printable";
import { decodeEdit } from "./decode-edit";
import { decodePairText } from "./decode-pairs";
import { decodeOffered } from "./decode-source";
import { decodeTask } from "./decode-task";
import {
  count,
  countUpTo,
  Fields,
  listOf,
  maybeNumber,
  message,
  messageOr,
  NO_ENTRIES,
  numberOrNaN,
  oneOf,
  recordOf,
  shownText,
  text,
} from "./validate";

/** More layers, or heads of a layer, than any model has. */
const MOST_PARTS = 1000;

export const decodeDirection = oneOf("denoise", "noise");

function decodeTopToken(value: unknown, where: string): TopToken {
  const f = new Fields(value, where);
  return {
    token: f.get("token", shownText),
    prob: f.get("prob", numberOrNaN),
    logit: f.get("logit", numberOrNaN),
  };
}

export function decodeRun(value: unknown, where: string): Run {
  const f = new Fields(value, where);
  return {
    values: f.get("values", recordOf(maybeNumber)),
    top: f.get("top", listOf(decodeTopToken)),
  };
}

function decodeChecks(value: unknown, where: string): ModelInfo["checks"] {
  const f = new Fields(value, where);
  return { passed: f.raw("passed") === true, summary: f.get("summary", messageOr("")) };
}

function decodeModel(value: unknown, where: string): ModelInfo {
  const f = new Fields(value, where);
  const n_heads = f.get("n_heads", countUpTo(MOST_PARTS));
  return {
    name: f.get("name", shownText),
    dtype: f.get("dtype", messageOr("")),
    device: f.get("device", messageOr("")),
    n_layers: f.get("n_layers", countUpTo(MOST_PARTS)),
    n_heads,
    n_kv_heads: f.getOr("n_kv_heads", countUpTo(MOST_PARTS), n_heads) || n_heads,
    parallel: f.raw("parallel") === true,
    components: f.getOr("components", listOf(text), []),
    refused: f.getOr("refused", recordOf(message), NO_ENTRIES),
    checks: f.getOr("checks", decodeChecks, { passed: false, summary: "" }),
  };
}

/** "mean", or the number of a pair. */
export function decodePair(value: unknown, where: string): ShownPair {
  return value === "mean" ? value : count(value, where);
}

export function decodeMetric(value: unknown, where: string): MetricInfo {
  const f = new Fields(value, where);
  const name = f.get("name", text);
  return {
    name,
    label: f.get("label", messageOr(printable(name.replaceAll("_", " ")))),
    unit: f.get("unit", messageOr("")),
    lower_is_better: f.raw("lower_is_better") === true,
    noise_floor: f.get("noise_floor", maybeNumber) ?? 0,
  };
}

export function decodeRuns(value: unknown, where: string): Scene["runs"] {
  const f = new Fields(value, where);
  return { clean: f.get("clean", decodeRun), corrupted: f.get("corrupted", decodeRun) };
}

export function decodeScene(value: unknown): Scene {
  const f = new Fields(value, "scene");
  return {
    runs: f.get("runs", decodeRuns),
    model: f.get("model", decodeModel),
    pair: f.getOr("pair", decodePair, "mean"),
    edits: f.getOr("edits", listOf(decodeEdit), []),
    pairs: f.getOr("pairs", listOf(decodePairText), []),
    task: f.get("task", decodeTask),
    metrics: f.get("metrics", listOf(decodeMetric)),
    direction: f.get("direction", decodeDirection),
    metric: f.get("metric", text),
    sources: f.getOr("sources", listOf(decodeOffered), []),
    can_sweep: f.raw("can_sweep") === true,
  };
}
