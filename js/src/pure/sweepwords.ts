/** What the maps say of themselves. Pure text. */

import type { Cells } from "../protocol";
import type { Phase } from "../sweep";
import { ALONE } from "./counterparts";

/** 4 s, 2 min: as coarse as a guess deserves. */
export function timeLeft(seconds: number): string {
  if (seconds < 1.5) return "1 s";
  return seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

export function zeroWords(zero: number): string {
  return zero === 0
    ? ""
    : `${zero} ${zero === 1 ? "cell" : "cells"} exactly 0, nothing to compute.`;
}

export function aloneWords(unpatchable: number): string {
  return unpatchable === 0 ? "" : `${unpatchable} without a counterpart (×).`;
}

function soFar({ done, total, exact, secondsLeft }: Cells): string {
  const left = secondsLeft === null || done >= total ? "" : `, ${timeLeft(secondsLeft)} left`;
  return exact
    ? `Exact so far: ${done} of ${total}${left}.`
    : `Estimated by gradient; exact so far ${done} of ${total}${left}.`;
}

/** The line under a map's title. A map that is complete says so, whatever became of the others. */
export function sweepWords(
  phase: Phase,
  cells: Cells | undefined,
  message: string | undefined,
): string {
  if (cells !== undefined && cells.done >= cells.total && cells.exact) {
    const known = [aloneWords(cells.unpatchable.size), zeroWords(cells.zero)];
    return [`Exact: ${cells.done} of ${cells.total}.`, ...known].filter((s) => s !== "").join(" ");
  }
  switch (phase) {
    case "failed":
      return `No map: ${(message ?? "the kernel failed").replace(/\.?$/, ".")} The model is unchanged.`;
    case "stopped":
      return cells === undefined
        ? "Stopped. The model is unchanged."
        : `Stopped after ${cells.done} of ${cells.total}. The model is unchanged.`;
    case "running":
      return cells === undefined ? "Asked for; it fills while you look." : soFar(cells);
    default:
      return cells === undefined ? "" : soFar(cells);
  }
}

/** What assistive technology hears of a cell. */
export function cellLabel(site: string, look: string, share: string): string {
  if (look === "pending") return `${site}, not yet computed`;
  if (look === "zero") return `${site}, exactly 0`;
  if (look === "unpatchable") return `${site}, ${ALONE.clean}`;
  return look === "undefined" ? `${site}, undefined` : `${site}, ${share}`;
}
