/** Decodes what the kernel sends. Every field is checked. */

import { decodeMap } from "./decode-map";
import { decodeResult, decodeSingle } from "./decode-result";
import { decodeScene } from "./decode-scene";
import type { Buffers } from "./grids";
import type { Incoming } from "./protocol";
import { fields, list, text, textOr } from "./validate";

/** One message of the kernel; undefined for a kind that this version does not know. */
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
      return { kind: "singles", id, singles: list(f.singles, "singles", decodeSingle) };
    case "cells":
      return { kind: "cells", id, map: decodeMap(f, buffers) };
    case "swept":
      return { kind: "swept", id };
    default:
      return undefined;
  }
}
