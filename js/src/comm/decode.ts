/** Decodes what the kernel sends. Every field is checked. */

import type { Failure } from "../model/status";
import { decodeTokenised } from "./decode-edit";
import { decodeExport } from "./decode-export";
import { decodeFact } from "./decode-facts";
import { decodeMap } from "./decode-map";
import { decodeMarked } from "./decode-mark";
import { decodeNeurons } from "./decode-neurons";
import { decodePastResult, decodeResult, decodeSingle } from "./decode-result";
import { decodeScene } from "./decode-scene";
import type { Buffers } from "./grids";
import type { Incoming } from "./protocol";
import { Fields, listOf, message as messageText, numberOr, text, textOr } from "./validate";

function decodeFailure(f: Fields): Failure {
  const message = f.get("message", messageText);
  const details = f.get("details", textOr(""));
  return { code: f.get("code", textOr("Error")), message, details };
}

/** One message of the kernel; undefined for a kind that this version does not know. */
export function decode(value: unknown, buffers: Buffers): Incoming | undefined {
  const f = new Fields(value, "message");
  const id = f.get("id", numberOr(-1));
  const kind = f.raw("kind");
  switch (kind) {
    case "ack":
    case "swept":
      return { kind, id };
    case "dropped":
      return { kind, id, why: f.get("why", textOr("")) };
    case "error":
      return { kind, id, failure: decodeFailure(f) };
    case "scene":
      return { kind, id, scene: decodeScene(value) };
    case "result":
      return { kind, id, result: decodeResult(value, buffers) };
    case "history":
      return { kind, id, results: f.get("results", listOf(decodePastResult(id))) };
    case "singles":
      return { kind, id, singles: f.get("singles", listOf(decodeSingle)) };
    case "cells":
      return { kind, id, map: decodeMap(value, buffers) };
    case "head":
    case "senders":
    case "lens":
    case "circuit":
    case "curve":
      return { kind: "fact", id, fact: decodeFact(kind, f, buffers) };
    case "neurons":
      return { kind, id, neurons: decodeNeurons(value) };
    case "tokens":
      return { kind, id, tokens: decodeTokenised(value) };
    case "export":
      return { kind, id, file: decodeExport(f, buffers) };
    case "marked":
      return { kind, id, marked: decodeMarked(f) };
    case "code":
      return { kind, id, code: f.get("code", text) };
    default:
      return undefined;
  }
}
