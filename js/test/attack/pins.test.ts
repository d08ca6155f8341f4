/** Any order of answers, pairs, edited prompts, notes, pins and reloads, against a list that is easy to believe. */

import fc from "fast-check";
import { expect, it } from "vitest";
import type { Edit } from "../../src/model/edit";
import type { ShownPair } from "../../src/model/experiment";
import { sameRun } from "../../src/model/patch";
import type { PastResult, Result } from "../../src/model/result";
import { reduce } from "../../src/state/reducer";
import { INITIAL, type State } from "../../src/state/state";

interface Asked {
  readonly site: string;
  readonly noise: boolean;
  readonly edited: boolean;
  readonly pair: ShownPair;
}

type Step =
  | { readonly type: "answer"; readonly of: Asked }
  | {
      readonly type: "mark";
      readonly at: number;
      readonly note?: string;
      readonly pinned?: boolean;
    }
  | { readonly type: "reload" };

/** What a person believes: the patches in their order, each with its note and pin. */
interface Known {
  readonly key: string;
  note: string;
  pinned: boolean;
}

const EDIT: Edit = {
  ...{ pair: 0, clean: "a", corrupted: "b", answer: "c", foil: null, align: false },
};

const keyOf = ({ site, noise, edited }: Asked) => `${site} ${noise} ${edited}`;

function resultOf({ site, noise, edited, pair }: Asked): Result {
  return {
    ...{ patches: [{ site, source: "source" }], direction: noise ? "noise" : "denoise" },
    ...{ metric: "logit_diff", pair, edits: edited ? [EDIT] : [], id: 1, readings: {} },
    ...{ patched: { values: {}, top: [] }, tokens: [], reach: undefined, task: undefined },
    ...{ runs: undefined, metrics: undefined, over_pairs: undefined },
  };
}

const asked = fc.record({
  site: fc.constantFrom("L0.H0", "L1.H1", "L1.mlp_out"),
  noise: fc.boolean(),
  edited: fc.boolean(),
  pair: fc.constantFrom<ShownPair>("mean", 0, 1),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant("answer" as const), of: asked }) },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        type: fc.constant("mark" as const),
        at: fc.nat(20),
        note: fc.string({ maxLength: 5 }),
        pinned: fc.boolean(),
      },
      { requiredKeys: ["type", "at"] },
    ),
  },
  { weight: 1, arbitrary: fc.constant({ type: "reload" as const }) },
);

function believe(known: Known[], each: Step): void {
  if (each.type === "answer") {
    const key = keyOf(each.of);
    if (known.every((k) => k.key !== key)) known.push({ key, note: "", pinned: false });
  }
  const entry = each.type === "mark" ? known[each.at % Math.max(1, known.length)] : undefined;
  if (each.type !== "mark" || entry === undefined) return;
  entry.note = each.note ?? entry.note;
  entry.pinned = each.pinned ?? entry.pinned;
  const others = known.filter((k) => k.pinned && k !== entry);
  if (entry.pinned && others.length > 1 && others[0]) others[0].pinned = false;
}

/** The same in the page; a reload has nothing but what the kernel tells. */
function shown(state: State, each: Step): State {
  if (each.type === "answer") return reduce(state, { type: "result", result: resultOf(each.of) });
  if (each.type === "reload") {
    const results = state.entries.map(
      ({ result, note, pinned }): PastResult => ({ ...result, pair: "mean", note, pinned }),
    );
    return reduce(INITIAL, { type: "history", results });
  }
  const entry = state.entries[each.at % Math.max(1, state.entries.length)];
  if (entry === undefined) return state;
  const { note = entry.note, pinned = entry.pinned } = each;
  return reduce(state, { type: "marked", marked: { ...entry.result, note, pinned } });
}

it("keeps every note and two pins at most, in whatever order things happen", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const known: Known[] = [];
      let state = INITIAL;
      for (const each of steps) {
        believe(known, each);
        state = shown(state, each);
        expect(state.entries.map(({ note, pinned }) => ({ note, pinned }))).toEqual(
          known.map(({ note, pinned }) => ({ note, pinned })),
        );
        expect(state.entries.filter((e) => e.pinned).length).toBeLessThanOrEqual(2);
        for (const { pinned, tokens } of state.entries) expect(pinned || !tokens).toBe(true);
        for (const [i, a] of state.entries.entries())
          for (const b of state.entries.slice(i + 1))
            expect(sameRun(a.result, b.result)).toBe(false);
      }
    }),
    { seed: Number(process.env.ATTACK_SEED ?? 0), numRuns: Number(process.env.ATTACK_RUNS ?? 200) },
  );
});
