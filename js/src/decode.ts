/** Decodes what the kernel sends: fields are checked, buffers become typed arrays (one copy, for alignment). */

import type {
  Cells,
  Grid,
  Incoming,
  MetricInfo,
  ModelInfo,
  Patch,
  Reach,
  Reading,
  Result,
  Run,
  Scene,
  Single,
  TaskInfo,
  TokenRow,
  TokenScore,
  TopToken,
} from "./protocol";
import {
  count,
  DecodeError,
  type Fields,
  fields,
  list,
  maybeNumber,
  number,
  oneOf,
  record,
  text,
  textOr,
} from "./pure/checked";

const DIRECTIONS = ["denoise", "noise"] as const;
const SOURCES = ["source", "clean", "corrupted", "host", "other"] as const;
const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array } as const;

export type Buffers = readonly (DataView | ArrayBuffer)[];

function topToken(value: unknown, where: string): TopToken {
  const f = fields(value, where);
  return {
    token: text(f.token, `${where}.token`),
    prob: maybeNumber(f.prob, `${where}.prob`) ?? Number.NaN,
    logit: maybeNumber(f.logit, `${where}.logit`) ?? Number.NaN,
  };
}

function run(value: unknown, where: string): Run {
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
      clean: run(runs.clean, "scene.runs.clean"),
      corrupted: run(runs.corrupted, "scene.runs.corrupted"),
    },
    can_sweep: f.can_sweep === true,
  };
}

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

function tokenRow(value: unknown, where: string): TokenRow {
  const f = fields(value, where);
  return {
    token: text(f.token, `${where}.token`),
    clean: score(f.clean, `${where}.clean`),
    patched: score(f.patched, `${where}.patched`),
    corrupted: score(f.corrupted, `${where}.corrupted`),
  };
}

/** One binary buffer as an array; checks that its length is what its shape says. */
export function decodeGrid(spec: Fields, buffer: DataView | ArrayBuffer, where: string): Grid {
  const shape = list(spec.shape, `${where}.shape`, count);
  const dtype = oneOf(spec.dtype, ["float32", "float64", "int32"] as const, `${where}.dtype`);
  const make = ARRAYS[dtype];
  const view = buffer instanceof ArrayBuffer ? new DataView(buffer) : buffer;
  const size = shape.reduce((a, b) => a * b, 1);
  if (view.byteLength !== size * make.BYTES_PER_ELEMENT) {
    throw new DecodeError(`${where}: expected ${size} × ${dtype}, got ${view.byteLength} bytes`);
  }
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return { shape, data: new make(bytes.slice().buffer, 0, size) };
}

function gridsOf(specs: unknown, buffers: Buffers, of = "result"): Readonly<Record<string, Grid>> {
  const parsed = list(specs ?? [], `${of}.buffers`, fields);
  return Object.fromEntries(
    parsed.map((spec, i) => {
      const name = text(spec.name, `${of}.buffers[${i}].name`);
      const buffer = buffers[i];
      if (buffer === undefined) throw new DecodeError(`${of}.buffers: ${name} has no buffer`);
      return [name, decodeGrid(spec, buffer, name)];
    }),
  );
}

function plainGrid(value: unknown, where: string): Grid {
  const f = fields(value, where);
  const data = list(f.data, `${where}.data`, maybeNumber);
  return {
    shape: list(f.shape, `${where}.shape`, count),
    data: Float32Array.from(data, (x) => x ?? Number.NaN),
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
    patched: run(f.patched, "result.patched"),
    tokens: list(f.tokens ?? [], "result.tokens", tokenRow),
    reach: reachOf(f, buffers),
    seconds: maybeNumber(f.seconds, "result.seconds"),
  };
}

function single(value: unknown, where: string): Single {
  const f = fields(value, where);
  return {
    site: text(f.site, `${where}.site`),
    readings: record(f.readings, `${where}.readings`, reading),
  };
}

function values(
  grids: Readonly<Record<string, Grid>>,
  name: string,
  shape: readonly number[],
): ArrayLike<number> {
  const grid = grids[name];
  if (grid === undefined) throw new DecodeError(`cells.buffers: ${name} is missing`);
  if (grid.shape.join() !== shape.join()) {
    throw new DecodeError(
      `cells.${name}: expected ${shape.join(" × ")}, got ${grid.shape.join(" × ")}`,
    );
  }
  return grid.data;
}

export function decodeCells(value: unknown, buffers: Buffers): Cells {
  const f = fields(value, "cells");
  const shape = list(f.shape, "cells.shape", count);
  const [rows = 0, columns = 0] = shape;
  const [over, across] = list(f.over, "cells.over", text);
  oneOf(over, ["layer"] as const, "cells.over[0]");
  const grids =
    f.grids === undefined
      ? gridsOf(f.buffers, buffers, "cells")
      : record(f.grids, "cells.grids", plainGrid);
  return {
    id: number(f.id, "cells.id"),
    name: text(f.name, "cells.name"),
    component: text(f.component, "cells.component"),
    across: oneOf(across, ["head", "pos"] as const, "cells.over[1]"),
    rows,
    columns,
    done: count(f.done, "cells.done"),
    total: count(f.total, "cells.total"),
    zero: count(f.zero ?? 0, "cells.zero"),
    unpatchable: new Set(list(f.unpatchable ?? [], "cells.unpatchable", count)),
    exact: f.exact !== false,
    secondsLeft: maybeNumber(f.seconds_left, "cells.seconds_left"),
    share: values(grids, "share", shape),
    effect: values(grids, "effect", shape),
  };
}

/** One message of the kernel; undefined for a kind this version does not know. */
export function decode(value: unknown, buffers: Buffers): Incoming | undefined {
  const f = fields(value, "message");
  const id = typeof f.id === "number" ? f.id : -1;
  switch (f.kind) {
    case "ack":
      return { kind: "ack", id };
    case "dropped":
      return { kind: "dropped", id, why: textOr(f.why, "") };
    case "error": {
      const message = text(f.message, "error.message");
      const failure = { code: textOr(f.code, "Error"), message, details: textOr(f.details, "") };
      return { kind: "error", id, failure };
    }
    case "scene":
      return { kind: "scene", id, scene: decodeScene(f) };
    case "result":
      return { kind: "result", id, result: decodeResult(f, buffers) };
    case "singles":
      return { kind: "singles", id, singles: list(f.singles, "singles", single) };
    case "cells":
      return { kind: "cells", id, cells: decodeCells(f, buffers) };
    case "swept":
      return { kind: "swept", id };
    default:
      return undefined;
  }
}
