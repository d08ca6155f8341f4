/** Which tokens of the two prompts are counterparts. Positions count in the clean prompt. */

import type { Prompt, TaskInfo } from "./experiment";

/** A column of tokens: its position in each prompt; undefined where a prompt has no counterpart. */
export type Column = Readonly<Record<Prompt, number | undefined>>;

type Aligned = Pick<TaskInfo, "clean" | "corrupted" | "counterparts">;

/** Both prompts side by side: counterparts share a column, every other token has its own. */
export function alignedColumns(task: Aligned): readonly Column[] {
  const out: Column[] = [];
  let next = 0;
  const alone = (until: number) => {
    for (; next < until; next++) out.push({ clean: undefined, corrupted: next });
  };
  // A clean token without a counterpart stands before the corrupted ones without one.
  task.counterparts.forEach((corrupted, clean) => {
    if (corrupted === null) {
      out.push({ clean, corrupted: undefined });
      return;
    }
    alone(corrupted);
    out.push({ clean, corrupted });
    next = corrupted + 1;
  });
  alone(task.corrupted.length);
  return out;
}

export function tokenInColumn(task: Aligned, prompt: Prompt, column: Column): string | undefined {
  const index = column[prompt];
  return index === undefined ? undefined : task[prompt][index];
}

/** The columns whose tokens differ, or that only one prompt has. */
export function differingColumns(
  columns: readonly Column[],
  differs: readonly number[],
): readonly number[] {
  const apart = (c: Column) => c.clean === undefined || differs.includes(c.clean);
  return columns.flatMap((column, i) => (apart(column) ? [i] : []));
}

/** The first position at which the runs can differ: before it, both prompts have the same tokens. */
export function firstDifference(task: Pick<TaskInfo, "counterparts" | "differs">): number {
  const found = task.counterparts.findIndex((at, i) => at !== i || task.differs.includes(i));
  return found < 0 ? task.counterparts.length : found;
}

/** Whether the corrupted prompt has no counterpart of a position, so that it cannot be patched. */
export function lacksCounterpart(task: Pick<TaskInfo, "counterparts">, position: number): boolean {
  return task.counterparts[position] === null;
}

/** The token of a prompt at a position; the clean one where that prompt has none. */
export function tokenAtPosition(task: Aligned, prompt: Prompt, position: number): string {
  const there = prompt === "clean" ? position : task.counterparts[position];
  const own = there === null || there === undefined ? undefined : task[prompt][there];
  return own ?? task.clean[position] ?? "";
}
