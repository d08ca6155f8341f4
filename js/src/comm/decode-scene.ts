/** Decodes the `scene` message. */

import type { MetricInfo, ModelInfo, Run, Scene, TaskInfo, TopToken } from "../model/experiment";
import { printable } from "../model/printable";
import {
  count,
  Fields,
  listOf,
  maybeNumber,
  message,
  messageOr,
  number,
  numberOr,
  numberOrNaN,
  oneOf,
  recordOf,
  shownText,
  text,
} from "./validate";

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
  return {
    name: f.get("name", shownText),
    dtype: f.get("dtype", messageOr("")),
    device: f.get("device", messageOr("")),
    n_layers: f.get("n_layers", count),
    n_heads: f.get("n_heads", count),
    refused: f.getOr("refused", recordOf(message), {}),
    checks: f.getOr("checks", decodeChecks, { passed: false, summary: "" }),
  };
}

function decodeCounterpart(value: unknown, where: string): number | null {
  return value === null ? null : count(value, where);
}

function decodeTask(value: unknown, where: string): TaskInfo {
  const f = new Fields(value, where);
  const clean = f.get("clean", listOf(shownText));
  return {
    clean,
    corrupted: f.get("corrupted", listOf(shownText)),
    differs: f.get("differs", listOf(count)),
    counterparts: f.getOr("counterparts", listOf(decodeCounterpart), [...clean.keys()]),
    answer: f.get("answer", listOf(shownText)),
    foil: f.get("foil", listOf(shownText)),
    positions: f.getOr("positions", recordOf(number), {}),
    n_pairs: f.get("n_pairs", numberOr(1)),
    warnings: f.getOr("warnings", listOf(message), []),
  };
}

function decodeMetric(value: unknown, where: string): MetricInfo {
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

function decodeRuns(value: unknown, where: string): Scene["runs"] {
  const f = new Fields(value, where);
  return { clean: f.get("clean", decodeRun), corrupted: f.get("corrupted", decodeRun) };
}

export function decodeScene(value: unknown): Scene {
  const f = new Fields(value, "scene");
  return {
    runs: f.get("runs", decodeRuns),
    model: f.get("model", decodeModel),
    task: f.get("task", decodeTask),
    metrics: f.get("metrics", listOf(decodeMetric)),
    direction: f.get("direction", decodeDirection),
    metric: f.get("metric", text),
    can_sweep: f.raw("can_sweep") === true,
  };
}
