/** What a map says about itself. */

import { isComplete, isReceiver, type MapData, type Score, type SweepPhase } from "../model/map";
import { NO_COUNTERPART, sentence } from "./status";

/** "4 s", "2 min": no finer than the estimate is. */
export function timeLeft(seconds: number): string {
  if (seconds < 1.5) return "1 s";
  return seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function zeroSentence(zero: number): string {
  return zero === 0
    ? ""
    : `${zero} ${zero === 1 ? "cell" : "cells"} exactly 0, nothing to compute.`;
}

function unpatchableSentence(unpatchable: number): string {
  return unpatchable === 0 ? "" : `${unpatchable} without a counterpart (×).`;
}

function soFar({ done, total, secondsLeft }: MapData, estimated: boolean): string {
  const left = secondsLeft === null || done >= total ? "" : `, ${timeLeft(secondsLeft)} left`;
  const begin = estimated ? "Estimated by gradient; exact so far" : "Exact so far:";
  return `${begin} ${done} of ${total}${left}.`;
}

/** "The estimate had 8 of the top 10." */
export function scoreSentence(score: Score | undefined): string {
  return score === undefined ? "" : `The estimate had ${score.found} of the top ${score.of}.`;
}

/** The line under the title of a map of estimates. */
export function estimateSentence(
  phase: SweepPhase,
  map: MapData | undefined,
  score: Score | undefined,
): string {
  if (map === undefined) return phase === "running" ? "Estimating by gradient." : "";
  if (score === undefined) return "Estimated by gradient. Exact values will say how good it is.";
  return `Estimated by gradient: ${score.found} of the top ${score.of} right.`;
}

const NO_ESTIMATE = { shown: false, score: undefined };

/** The line under a map's title. A complete map says so, even if another one failed. */
export function sweepSentence(
  phase: SweepPhase,
  map: MapData | undefined,
  message: string | undefined,
  estimate: { readonly shown: boolean; readonly score: Score | undefined } = NO_ESTIMATE,
): string {
  if (map?.reason !== undefined) return "";
  if (map !== undefined && isComplete(map)) {
    const known = [
      scoreSentence(estimate.score),
      isReceiver(map.field) ? "" : unpatchableSentence(map.unpatchable.size),
      zeroSentence(map.zero),
    ];
    return [`Exact: ${map.done} of ${map.total}.`, ...known].filter((s) => s !== "").join(" ");
  }
  switch (phase) {
    case "failed":
      return `No map: ${sentence(message ?? "the kernel failed")} The model is unchanged.`;
    case "stopped":
      return map === undefined
        ? "Stopped. The model is unchanged."
        : `Stopped after ${map.done} of ${map.total}. The model is unchanged.`;
    case "running":
      return map === undefined ? "Waiting for the first cells." : soFar(map, estimate.shown);
    default:
      return map === undefined ? "" : soFar(map, estimate.shown);
  }
}

/** What assistive technology says about a cell. */
export function cellLabel(site: string, look: string, share: string, field = "total"): string {
  if (look === "beyond") return `${site}, after ${field}: no path`;
  if (look === "pending") return `${site}, not yet computed`;
  if (look === "zero") return `${site}, exactly 0`;
  if (look === "unpatchable") return `${site}, ${NO_COUNTERPART.clean}`;
  return look === "undefined" ? `${site}, undefined` : `${site}, ${share}`;
}
