/** The attention of a head, laid out over the tokens of both prompts, as the rows of one query. */

import { alignedColumns, type Column, differingColumns } from "../model/counterparts";
import type { Lane, Prompt, TaskInfo } from "../model/experiment";
import type { HeadFacts } from "../model/head";
import type { Grid } from "../model/result";

/** Rows that fit without folding, and how many stay when there are more. */
const ROWS = { fit: 16, kept: 13 } as const;

/** A key with less is folded when there are many. */
const LEAST = 0.02;

export type Values = Partial<Readonly<Record<Lane, number>>>;

/** A key, or several in a row that are folded into one. */
export interface KeyRow {
  readonly column: Column;
  readonly differs: boolean;
  /** How many keys it stands for; more than one is folded. */
  readonly count: number;
  readonly values: Values;
}

/** Where a run has a column of tokens: the patched run has the host's prompt. */
export function promptOf(lane: Lane, host: Prompt): Prompt {
  return lane === "patched" ? host : lane;
}

export function attentionIn(
  grid: Grid | undefined,
  query: number | undefined,
  key: number | undefined,
): number {
  const keys = grid?.shape[1] ?? 0;
  if (grid === undefined || query === undefined || key === undefined || key >= keys)
    return Number.NaN;
  return grid.data[query * keys + key] ?? Number.NaN;
}

/** The attention of each run from a query to a key, both given as columns; NaN where there is none. */
export function attentionAt(
  facts: HeadFacts,
  lanes: readonly Lane[],
  host: Prompt,
  query: Column,
  key: Column,
): Values {
  const found = lanes.map((lane) => {
    const prompt = promptOf(lane, host);
    const row = facts.whole ? query[prompt] : 0;
    return [lane, attentionIn(facts.attention[lane], row, key[prompt])] as const;
  });
  return Object.fromEntries(found.filter(([, value]) => !Number.isNaN(value)));
}

function most(values: Values): number {
  return Math.max(0, ...Object.values(values));
}

function summed(rows: readonly KeyRow[]): Values {
  const sums: Partial<Record<Lane, number>> = {};
  for (const { values } of rows)
    for (const lane of Object.keys(values) as Lane[])
      sums[lane] = (sums[lane] ?? 0) + (values[lane] ?? 0);
  return sums;
}

/** Which keys stay when there are many: the strongest, differing tokens, the query itself. */
function keptKeys(rows: readonly KeyRow[]): ReadonlySet<number> {
  const last = rows.length - 1;
  const ranked = rows.map((row, i) => ({ i, most: most(row.values), differs: row.differs }));
  const strong = [...ranked].sort((a, b) => b.most - a.most).slice(0, ROWS.kept);
  const kept = [
    ...strong.filter((row) => row.most >= LEAST),
    ...ranked.filter(({ i, differs }) => differs || i === last),
  ];
  return new Set(kept.map(({ i }) => i));
}

/** The other keys fold, those next to each other into one row. */
function folded(rows: readonly KeyRow[]): readonly KeyRow[] {
  if (rows.length <= ROWS.fit) return rows;
  const kept = keptKeys(rows);
  const groups: KeyRow[][] = [];
  rows.forEach((row, i) => {
    const before = groups.at(-1);
    if (kept.has(i) || kept.has(i - 1) || before === undefined) groups.push([row]);
    else before.push(row);
  });
  return groups.map((group) => {
    const [first, ...more] = group as [KeyRow, ...KeyRow[]];
    return more.length === 0 ? first : { ...first, count: group.length, values: summed(group) };
  });
}

interface Rows {
  readonly rows: readonly KeyRow[];
  readonly query: Column;
}

/** The keys that a query sees, each with its attention in the runs. */
export function keyRows(
  task: TaskInfo,
  facts: HeadFacts,
  lanes: readonly Lane[],
  host: Prompt,
  unfolded: boolean,
): Rows {
  const columns = alignedColumns(task);
  const differs = differingColumns(columns, task.differs);
  const at = columns.findIndex(({ clean }) => clean === facts.position);
  const query = columns[at] ?? { clean: facts.position, corrupted: undefined };
  const rows = columns.slice(0, at + 1).map((column, i): KeyRow => {
    const values = attentionAt(facts, lanes, host, query, column);
    return { column, differs: differs.includes(i), count: 1, values };
  });
  return { rows: unfolded ? rows : folded(rows), query };
}
