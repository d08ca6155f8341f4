/** Decodes a text that Python has written for a file. */

import { safeName, type TextFile } from "../model/file";
import type { Buffers } from "./grids";
import { DecodeError, type Fields, text } from "./validate";

/** A type of media is a header of other people's programs. */
const MEDIA = /^[a-z]+\/[a-z0-9.+-]+(; ?charset=[a-z0-9-]+)?$/i;

export function decodeExport(f: Fields, buffers: Buffers): TextFile {
  const [bytes] = buffers;
  if (bytes === undefined) throw new DecodeError(`${f.where}: expected a buffer, got none`);
  const mediaType = f.get("media_type", text);
  if (!MEDIA.test(mediaType)) throw new DecodeError(`${f.where}.media_type: not a type of media`);
  const written = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  return { name: safeName(f.get("name", text)), mediaType, text: written };
}
