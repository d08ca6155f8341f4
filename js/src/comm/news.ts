/** Messages that are about nothing but themselves, as events. */

import type { KernelEvent } from "./events";
import type { Incoming } from "./protocol";

type Plain = Exclude<Incoming, { readonly kind: "ack" | "result" | "dropped" | "error" }>;

export function newsOf(message: Plain): KernelEvent {
  const { id } = message;
  switch (message.kind) {
    case "scene":
      return { type: "scene", scene: message.scene };
    case "history":
      return { type: "history", results: message.results };
    case "singles":
      return { type: "singles", id, singles: message.singles };
    case "cells":
      return { type: "sweep", event: { type: "map", map: message.map } };
    case "swept":
      return { type: "sweep", event: { type: "swept", id } };
    case "neurons":
      return { type: "neurons", id, list: message.neurons };
    case "tokens":
      return { type: "tokens", id, tokens: message.tokens };
    case "export":
      return { type: "written", id, file: message.file };
    case "marked":
      return { type: "marked", marked: message.marked };
    case "code":
      return { type: "code", id, code: message.code };
    case "fact":
      return { type: "fact", event: { type: "answered", id, fact: message.fact } };
  }
}
