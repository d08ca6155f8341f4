/** Decodes one metric of a patched run. */

import type { Reading } from "../model/result";
import { count, Fields, maybeNumber, messageOr, number } from "./validate";

export function decodeReading(value: unknown, where: string): Reading {
  const f = new Fields(value, where);
  return {
    value: f.get("value", maybeNumber),
    effect: f.get("effect", maybeNumber),
    share: f.get("share", maybeNumber),
    recovery: f.get("recovery", maybeNumber),
    reason: f.get("reason", messageOr(null)),
    ...(f.has("spread") ? { draws: f.get("draws", count), spread: f.get("spread", number) } : {}),
  };
}
