/** What a saved page answers from: JSON with arrays beside it, made by `patchwidgets/explorer/recording.py`. */

import type { OwnExperiment } from "./recorded-python";
import type { Singles } from "./recorded-sites";

export type Message = Readonly<Record<string, unknown>>;

/** A message of the kernel, with the numbers of its buffers. */
export interface Recorded {
  readonly message: Message;
  readonly buffers: readonly number[];
}

export interface Recording {
  readonly traits: Message;
  readonly scene: Message;
  readonly history: Message | null;
  readonly results: readonly Recorded[];
  /** Which of them is shown first; null if nothing is patched. */
  readonly last: number | null;
  /** Every single site of some components; null if there are none. */
  readonly singles: Singles | null;
  /** What `exp` is outside of the page. */
  readonly experiment: OwnExperiment;
  /** The lines of Python of each direction and metric, with `exp.patch()` in them. */
  readonly code: Readonly<Record<string, string>>;
  readonly blobs: readonly DataView[];
}

const LENGTH = 4;

/** The JSON and the arrays of an unpacked file. */
export function readRecording(file: ArrayBuffer): Recording {
  let start = LENGTH + new DataView(file).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(file, LENGTH, start - LENGTH));
  const { blobs: sizes, ...data } = JSON.parse(text) as Omit<Recording, "blobs"> & {
    readonly blobs: readonly number[];
  };
  const blobs = sizes.map((size) => {
    const blob = new DataView(file, start, size);
    start += size;
    return blob;
  });
  return { ...data, blobs };
}
