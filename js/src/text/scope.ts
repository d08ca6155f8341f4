/** Where a click patches, in words. */

import { tokenAtPosition } from "../model/counterparts";
import { type Direction, hostOf, type TaskInfo } from "../model/experiment";
import { type Position, positionIndex } from "../model/position";
import { isolated } from "../model/printable";
import { shortToken } from "./tokens";

interface Scope {
  readonly position: Position;
  readonly direction: Direction;
}

/** Over the mean, where no word can stand: "9 S2", "9", "S2" where prompts have unequal lengths. */
function placeOf(index: number, { clean, places }: TaskInfo): string {
  const name = clean[index] ?? "";
  if (places !== undefined) return places[index] ?? "";
  return name.startsWith("@") ? String(index) : `${index} ${name}`;
}

/** "all positions", "@9 ␣Mary", "@3:7". */
export function scopeText(
  { position, direction }: Scope,
  { task }: { readonly task: TaskInfo },
  all = "all positions",
): string {
  if (position === "all") return all;
  const index = positionIndex(position, task);
  if (index !== undefined && task.varies.clean.includes(index)) return `@${placeOf(index, task)}`;
  if (index === undefined || index >= task.clean.length) return `@${isolated(String(position))}`;
  return `@${index} ${shortToken(tokenAtPosition(task, hostOf(direction), index))}`;
}
