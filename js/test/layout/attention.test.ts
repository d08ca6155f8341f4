import { describe, expect, it } from "vitest";
import { keyRows } from "../../src/layout/attention";
import { differencePixels, patternPixels } from "../../src/layout/pattern-pixels";
import { alignedColumns } from "../../src/model/counterparts";
import type { TaskInfo } from "../../src/model/experiment";
import type { HeadFacts } from "../../src/model/head";
import { range } from "../../src/model/math";

const task = (clean: string[], corrupted: string[], change: Partial<TaskInfo> = {}): TaskInfo => ({
  ...{ clean, corrupted, differs: [1], counterparts: range(clean.length), answer: [], foil: [] },
  ...{
    varies: { clean: [], corrupted: [] },
    places: undefined,
    text: undefined,
    lengths: [3, 3] as const,
  },
  ...{ positions: {}, n_pairs: 1, warnings: [], ...change },
});

const grid = (rows: readonly (readonly number[])[]) => ({
  shape: [rows.length, rows[0]?.length ?? 0],
  data: Float64Array.from(rows.flat()),
});

const facts = (change: Partial<HeadFacts>): HeadFacts => ({
  ...{ head: "L0.H0", position: 2, patches: [], direction: "denoise", pair: "mean", whole: false },
  ...{ noAttention: null, nothingWritten: null, written: {}, attention: {}, ...change },
});

describe("the rows of a query", () => {
  it("are the keys up to it, each with the attention of every run", () => {
    const attention = {
      clean: grid([[0.1, 0.2, 0.7, 0]]),
      corrupted: grid([[0.5, 0.25, 0.25, 0]]),
    };
    const all = task(["a", "b", "c", "d"], ["a", "x", "c", "d"]);
    const { rows } = keyRows(all, facts({ attention }), ["clean", "corrupted"], "corrupted", false);
    expect(rows.map(({ values }) => values)).toEqual([
      { clean: 0.1, corrupted: 0.5 },
      { clean: 0.2, corrupted: 0.25 },
      { clean: 0.7, corrupted: 0.25 },
    ]);
    expect(rows.map(({ differs }) => differs)).toEqual([false, true, false]);
  });

  it("put counterparts side by side where the prompts differ in length", () => {
    const unequal = task(["a", "b", "c"], ["a", "x", "y", "c"], { counterparts: [0, null, 3] });
    const attention = {
      clean: grid([[0.1, 0.2, 0.7]]),
      patched: grid([[0.4, 0.3, 0.2, 0.1]]),
    };
    const { rows } = keyRows(
      unequal,
      facts({ attention }),
      ["clean", "patched"],
      "corrupted",
      false,
    );
    expect(rows.map(({ values }) => values)).toEqual([
      { clean: 0.1, patched: 0.4 },
      { clean: 0.2 },
      { patched: 0.3 },
      { patched: 0.2 },
      { clean: 0.7, patched: 0.1 },
    ]);
  });

  it("fold what has little attention, and lose none of it", () => {
    const n = 60;
    const many = task(range(n).map(String), range(n).map(String), { differs: [30] });
    const weights = range(n).map((i) => (i === 10 || i === 50 ? 0.3 : 0.4 / (n - 2)));
    const asked = facts({ position: n - 1, attention: { clean: grid([weights]) } });
    const { rows } = keyRows(many, asked, ["clean"], "corrupted", false);
    expect(rows.filter(({ count }) => count === 1).map(({ column }) => column.clean)).toEqual([
      10, 30, 50, 59,
    ]);
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(n);
    const total = rows.reduce((sum, { values }) => sum + (values.clean ?? 0), 0);
    expect(total).toBeCloseTo(1, 10);
    expect(keyRows(many, asked, ["clean"], "corrupted", true).rows).toHaveLength(n);
  });
});

describe("whole patterns", () => {
  const both = task(["a", "b"], ["a", "x"]);
  const attention = {
    clean: grid([
      [1, 0],
      [0.25, 0.75],
    ]),
    patched: grid([
      [1, 0],
      [0.5, 0.5],
    ]),
    corrupted: grid([
      [1, 0],
      [1, 0],
    ]),
  };
  const pattern = {
    facts: facts({ whole: true, attention }),
    host: "corrupted",
    columns: alignedColumns(both),
  } as const;
  const alpha = (data: Uint8ClampedArray) => [3, 7, 11, 15].map((i) => data[i]);

  it("have no colour after their query", () => {
    const { width, height, data } = patternPixels(pattern, "clean", "light");
    expect([width, height]).toEqual([2, 2]);
    expect(alpha(data)).toEqual([255, 0, 255, 255]);
    expect([...data.slice(0, 3)]).toEqual([0x00, 0x72, 0xb2]);
  });

  it("differ by what the patch changed in its host, on a scale that says its range", () => {
    const { range: most, pixels } = differencePixels(pattern, "light");
    expect(most).toBe(0.5);
    expect([...pixels.data.slice(8, 11)]).toEqual([0xa3, 0x47, 0x00]);
    expect([...pixels.data.slice(12, 15)]).toEqual([0x00, 0x5a, 0x92]);
  });
});
