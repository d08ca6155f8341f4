/** Arrays of numbers: binary buffers become typed arrays (one copy, for alignment). */

import type { Grid } from "../model/result";
import { count, DecodeError, Fields, listOf, numberOrNaN, oneOf, recordOf, text } from "./validate";

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array } as const;

export type Buffers = readonly (DataView | ArrayBuffer)[];

/** One binary buffer as an array. Its length must be what its description says. */
export function decodeGrid(spec: unknown, buffer: DataView | ArrayBuffer, where: string): Grid {
  const f = new Fields(spec, where);
  const shape = f.get("shape", listOf(count));
  const dtype = f.get("dtype", oneOf("float32", "float64", "int32"));
  const make = ARRAYS[dtype];
  const view = buffer instanceof ArrayBuffer ? new DataView(buffer) : buffer;
  const size = shape.reduce((a, b) => a * b, 1);
  if (view.byteLength !== size * make.BYTES_PER_ELEMENT) {
    throw new DecodeError(`${where}: expected ${size} × ${dtype}, got ${view.byteLength} bytes`);
  }
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return { shape, data: new make(bytes.slice().buffer, 0, size) };
}

function fromBuffers(message: Fields, buffers: Buffers): Readonly<Record<string, Grid>> {
  const specs = message.getOr(
    "buffers",
    listOf((spec) => spec),
    [],
  );
  const where = `${message.where}.buffers`;
  return Object.fromEntries(
    specs.map((spec, i) => {
      const name = new Fields(spec, `${where}[${i}]`).get("name", text);
      const buffer = buffers[i];
      if (buffer === undefined) throw new DecodeError(`${where}: ${name} has no buffer`);
      return [name, decodeGrid(spec, buffer, name)];
    }),
  );
}

/** An array as a saved picture has it: plain JSON. */
function plainGrid(value: unknown, where: string): Grid {
  const f = new Fields(value, where);
  const data = Float32Array.from(f.get("data", listOf(numberOrNaN)));
  return { shape: f.get("shape", listOf(count)), data };
}

/** The arrays of a message by name: those saved in `holder`, otherwise those in the buffers. */
export function decodeGrids(
  message: Fields,
  holder: Fields,
  buffers: Buffers,
): Readonly<Record<string, Grid>> {
  return holder.has("grids")
    ? holder.get("grids", recordOf(plainGrid))
    : fromBuffers(message, buffers);
}
