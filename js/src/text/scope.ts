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

/** "all positions", "@9 ␣Mary", "@3:7". */
export function scopeText(
  { position, direction }: Scope,
  { task }: { readonly task: TaskInfo },
  all = "all positions",
): string {
  if (position === "all") return all;
  const index = positionIndex(position, task);
  if (index === undefined) return `@${isolated(String(position))}`;
  return `@${index} ${shortToken(tokenAtPosition(task, hostOf(direction), index))}`;
}
