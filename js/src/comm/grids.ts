/** Arrays of numbers: binary buffers become typed arrays (one copy, for alignment). */

import type { Grid } from "../model/result";
import {
  count,
  DecodeError,
  type Fields,
  fields,
  list,
  maybeNumber,
  oneOf,
  text,
} from "./validate";

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array } as const;

export type Buffers = readonly (DataView | ArrayBuffer)[];

/** One binary buffer as an array. Its length must be what its shape says. */
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

export function gridsOf(
  specs: unknown,
  buffers: Buffers,
  of = "result",
): Readonly<Record<string, Grid>> {
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

export function plainGrid(value: unknown, where: string): Grid {
  const f = fields(value, where);
  const data = list(f.data, `${where}.data`, maybeNumber);
  return {
    shape: list(f.shape, `${where}.shape`, count),
    data: Float32Array.from(data, (x) => x ?? Number.NaN),
  };
}
