/** Decodes the `scene` message. */

import type { MetricInfo, ModelInfo, Run, Scene, TaskInfo, TopToken } from "../model/experiment";
import { count, fields, list, maybeNumber, number, oneOf, record, text, textOr } from "./validate";

export const DIRECTIONS = ["denoise", "noise"] as const;

function topToken(value: unknown, where: string): TopToken {
  const f = fields(value, where);
  return {
    token: text(f.token, `${where}.token`),
    prob: maybeNumber(f.prob, `${where}.prob`) ?? Number.NaN,
    logit: maybeNumber(f.logit, `${where}.logit`) ?? Number.NaN,
  };
}

export function decodeRun(value: unknown, where: string): Run {
  const f = fields(value, where);
  return {
    values: record(f.values, `${where}.values`, maybeNumber),
    top: list(f.top, `${where}.top`, topToken),
  };
}

function modelInfo(value: unknown): ModelInfo {
  const f = fields(value, "scene.model");
  const checks = f.checks === undefined ? {} : fields(f.checks, "scene.model.checks");
  const heads = count(f.n_heads, "scene.model.n_heads");
  return {
    name: text(f.name, "scene.model.name"),
    dtype: textOr(f.dtype, ""),
    device: textOr(f.device, ""),
    n_layers: count(f.n_layers, "scene.model.n_layers"),
    n_heads: heads,
    n_kv_heads: typeof f.n_kv_heads === "number" ? f.n_kv_heads : heads,
    components: list(f.components, "scene.model.components", text),
    refused: f.refused === undefined ? {} : record(f.refused, "scene.model.refused", text),
    checks: { passed: checks.passed === true, summary: textOr(checks.summary, "") },
  };
}

function place(value: unknown, where: string): number | null {
  return value === null ? null : count(value, where);
}

function taskInfo(value: unknown): TaskInfo {
  const f = fields(value, "scene.task");
  const clean = list(f.clean, "scene.task.clean", text);
  return {
    clean,
    corrupted: list(f.corrupted, "scene.task.corrupted", text),
    differs: list(f.differs, "scene.task.differs", count),
    counterparts: list(f.counterparts ?? [...clean.keys()], "scene.task.counterparts", place),
    answer: list(f.answer, "scene.task.answer", text),
    foil: list(f.foil, "scene.task.foil", text),
    positions: record(f.positions ?? {}, "scene.task.positions", number),
    bos: typeof f.bos === "string" ? f.bos : null,
    n_pairs: typeof f.n_pairs === "number" ? f.n_pairs : 1,
    warnings: list(f.warnings ?? [], "scene.task.warnings", text),
  };
}

function metricInfo(value: unknown, where: string): MetricInfo {
  const f = fields(value, where);
  const name = text(f.name, `${where}.name`);
  return {
    name,
    label: textOr(f.label, name.replaceAll("_", " ")),
    unit: textOr(f.unit, ""),
    lower_is_better: f.lower_is_better === true,
    noise_floor: maybeNumber(f.noise_floor, `${where}.noise_floor`) ?? 0,
  };
}

export function decodeScene(value: unknown): Scene {
  const f = fields(value, "scene");
  const runs = fields(f.runs, "scene.runs");
  return {
    model: modelInfo(f.model),
    task: taskInfo(f.task),
    metrics: list(f.metrics, "scene.metrics", metricInfo),
    direction: oneOf(f.direction, DIRECTIONS, "scene.direction"),
    metric: text(f.metric, "scene.metric"),
    runs: {
      clean: decodeRun(runs.clean, "scene.runs.clean"),
      corrupted: decodeRun(runs.corrupted, "scene.runs.corrupted"),
    },
    can_sweep: f.can_sweep === true,
  };
}
