/** Decodes what the kernel says about circuits. */

import type { CircuitFacts, CurveFacts } from "../model/circuit";
import { decodeDirection } from "./decode-scene";
import { decodeSource } from "./decode-source";
import {
  count,
  DecodeError,
  Fields,
  listOf,
  maybeNumber,
  messageOr,
  shownText,
  text,
} from "./validate";

function decodeView(f: Fields) {
  return {
    direction: f.get("direction", decodeDirection),
    metric: f.get("metric", text),
    source: f.getOr("source", decodeSource, "source" as const),
    reason: f.get("reason", messageOr(null)),
  };
}

export function decodeCircuit(f: Fields): CircuitFacts {
  const random = f.get("random", (value, where) => new Fields(value, where));
  return {
    ...decodeView(f),
    sites: f.get("sites", listOf(shownText)),
    value: f.get("value", maybeNumber),
    faithfulness: f.get("faithfulness", maybeNumber),
    completeness: f.get("completeness", maybeNumber),
    random: {
      n: random.get("n", count),
      low: random.get("low", maybeNumber),
      high: random.get("high", maybeNumber),
    },
    code: f.get("code", text),
  };
}

export function decodeCurve(f: Fields): CurveFacts {
  const kept = f.get("n", listOf(count));
  const [faithfulness, low, high] = ["faithfulness", "low", "high"].map((name) => {
    const values = f.get(name, listOf(maybeNumber));
    if (values.length === kept.length) return values;
    throw new DecodeError(`${f.where}.${name}: expected ${kept.length}, got ${values.length}`);
  });
  const points = kept.map((n, i) => ({
    n,
    faithfulness: faithfulness?.[i] ?? null,
    low: low?.[i] ?? null,
    high: high?.[i] ?? null,
  }));
  return { ...decodeView(f), total: f.get("total", count), points };
}
