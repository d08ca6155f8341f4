/** What a map says about itself. */

import { isComplete, type MapData, type SweepPhase } from "../model/map";
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

function soFar({ done, total, secondsLeft }: MapData): string {
  const left = secondsLeft === null || done >= total ? "" : `, ${timeLeft(secondsLeft)} left`;
  return `Exact so far: ${done} of ${total}${left}.`;
}

/** The line under a map's title. A complete map says so, even if another one failed. */
export function sweepSentence(
  phase: SweepPhase,
  map: MapData | undefined,
  message: string | undefined,
): string {
  if (map !== undefined && isComplete(map)) {
    const known = [unpatchableSentence(map.unpatchable.size), zeroSentence(map.zero)];
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
      return map === undefined ? "Waiting for the first cells." : soFar(map);
    default:
      return map === undefined ? "" : soFar(map);
  }
}

/** What assistive technology says about a cell. */
export function cellLabel(site: string, look: string, share: string): string {
  if (look === "pending") return `${site}, not yet computed`;
  if (look === "zero") return `${site}, exactly 0`;
  if (look === "unpatchable") return `${site}, ${NO_COUNTERPART.clean}`;
  return look === "undefined" ? `${site}, undefined` : `${site}, ${share}`;
}
