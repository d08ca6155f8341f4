/** Token positions: as the trait has them, as a site writes them, as indices into the clean prompt. */

import type { TaskInfo } from "./experiment";
import { parseSite, positionOf, printSite } from "./site";

export type Position = "all" | number | string;

/** A position as written in a site: the last token is -1, whatever the prompt's length. */
export function positionText(position: Position, length: number): string | undefined {
  if (position === "all") return undefined;
  if (typeof position === "string") return position;
  return position === length - 1 ? "-1" : String(position);
}

export function atPosition(text: string, position: Position, length: number): string {
  const site = parseSite(text);
  if (site === undefined) return text;
  return printSite({ ...site, position: positionText(position, length) });
}

/** The token positions that a site covers, as [from, to); undefined means all. Of a position that is not there, none. */
export function positionRange(
  text: string,
  task: Pick<TaskInfo, "clean" | "positions">,
): readonly [number, number] | undefined {
  const written = positionOf(text);
  if (written === undefined) return undefined;
  const length = task.clean.length;
  const absolute = (part: string, otherwise: number): number => {
    if (part === "") return otherwise;
    const index = task.positions[part] ?? Number(part);
    return index < 0 ? index + length : index;
  };
  const [from = "", to] = written.split(":");
  const start = absolute(from, 0);
  const end = to === undefined ? start + 1 : absolute(to, length);
  return start >= 0 && end <= length && start < end ? [start, end] : [length, length];
}

/** The one position of all these sites; undefined if they are at several. */
export function sharedPosition(sites: readonly string[], length: number): Position | undefined {
  const [text, ...more] = new Set(sites.map(positionOf));
  if (sites.length === 0 || more.length > 0) return undefined;
  if (text === undefined) return "all";
  if (!/^-?\d{1,9}$/.test(text)) return text;
  return Number(text) < 0 ? Number(text) + length : Number(text);
}

/** A position trait as a token index; undefined means all. */
export function positionIndex(
  position: Position,
  task: Pick<TaskInfo, "clean" | "positions">,
): number | undefined {
  if (position === "all") return undefined;
  const index = typeof position === "number" ? position : task.positions[position];
  if (!Number.isInteger(index) || index === undefined) return undefined;
  return index < 0 ? index + task.clean.length : index;
}
