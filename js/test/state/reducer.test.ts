import { describe, expect, it } from "vitest";
import type { PatchRequest } from "../../src/model/patch";
import type { Result } from "../../src/model/result";
import { shownEntry } from "../../src/state/history";
import { reduce, type StateEvent } from "../../src/state/reducer";
import { awaitsResult, selectedPatches } from "../../src/state/selectors";
import { INITIAL, type State } from "../../src/state/state";

const ask = (...sites: string[]): PatchRequest => ({
  patches: sites.map((site) => ({ site, source: "source" })),
  direction: "denoise",
  metric: "logit_diff",
  pair: "mean",
  edits: [],
});

let ids = 0;

const result = (request: PatchRequest, id = ++ids): Result => ({
  ...request,
  id,
  readings: { logit_diff: { value: 1, effect: 2, share: 0.5, recovery: 0.5, reason: null } },
  patched: { values: {}, top: [] },
  tokens: [],
  reach: undefined,
  task: undefined,
  runs: undefined,
  metrics: undefined,
  over_pairs: undefined,
});

const asked = (request: PatchRequest, cursor?: number): StateEvent => ({
  type: "asked",
  pending: { id: 1, request, cursor },
});

const run = (...actions: StateEvent[]): State => actions.reduce(reduce, INITIAL);

const answer = (...sites: string[]): StateEvent[] => [
  asked(ask(...sites)),
  { type: "result", result: result(ask(...sites)) },
];

const sites = (state: State) => selectedPatches(state).map((p) => p.site);

describe("asking and answering", () => {
  it("shows the question at once and the old answer until the new one", () => {
    const state = run(...answer("L1.H0"), asked(ask("L2.H1")));
    expect(sites(state)).toEqual(["L2.H1"]);
    expect(state.result?.patches[0]?.site).toBe("L1.H0");
    expect(awaitsResult(state)).toBe(true);
  });

  it("is not under way for the same run in another metric", () => {
    const state = run(...answer("L1.H0"), asked({ ...ask("L1.H0"), metric: "kl" }));
    expect(awaitsResult(state)).toBe(false);
    expect(state.metric).toBe("kl");
  });

  it("is fresh until the next question, and not made fresh by another metric or an error", () => {
    const shown = run(...answer("L1.H0"));
    expect(shown.fresh).toBe(true);
    const metric = { ...ask("L1.H0"), metric: "kl" };
    const again = [asked(metric), { type: "result", result: result(metric) } as const];
    expect(again.reduce(reduce, shown).fresh).toBe(false);
    expect(reduce(reduce(shown, asked(ask("L2.H1"))), { type: "dropped" }).fresh).toBe(false);
  });

  it("goes back to what is shown when dropped", () => {
    const state = run(...answer("L1.H0"), asked({ ...ask("L2.H1"), direction: "noise" }), {
      type: "dropped",
    });
    expect(sites(state)).toEqual(["L1.H0"]);
    expect(state.direction).toBe("denoise");
    expect(state.pending).toBeUndefined();
  });

  it("keeps the last answer beside an error, which the next question clears", () => {
    const failure = { code: "E", message: "no", details: "trace" };
    const state = run(...answer("L1.H0"), asked(ask("L2.H1", "L0.H0")), {
      type: "failed",
      failure,
      ended: true,
    });
    expect(state.problem).toEqual({ site: "L2.H1 + L0.H0", message: "no", details: "trace" });
    expect(sites(state)).toEqual(["L1.H0"]);
    expect(reduce(state, asked(ask("L0.H0"))).problem).toBeUndefined();
  });

  it("takes an answer without patches for the empty view", () => {
    const state = run(...answer("L1.H0"), ...answer());
    expect(state.result).toBeUndefined();
    expect(state.entries).toHaveLength(1);
  });
});

describe("undo and redo", () => {
  const three = run(...answer("L0.H0"), ...answer("L1.H0"), ...answer("L2.H0"));
  const names = (state: State) => state.timeline.map((r) => r.patches.map((p) => p.site).join());

  it("begins with nothing patched", () => {
    expect(names(three)).toEqual(["", "L0.H0", "L1.H0", "L2.H0"]);
    expect(three.cursor).toBe(3);
  });

  it("moves in the timeline and cuts what lay ahead at a new patch", () => {
    const back = [
      asked(ask("L1.H0"), 2),
      { type: "result", result: result(ask("L1.H0")) } as const,
    ].reduce(reduce, three);
    expect([back.cursor, names(back).length]).toEqual([2, 4]);
    const on = answer("L2.H1").reduce(reduce, back);
    expect(names(on)).toEqual(["", "L0.H0", "L1.H0", "L2.H1"]);
    expect(on.cursor).toBe(3);
  });

  it("does not note the same question twice", () => {
    expect(names(answer("L2.H0").reduce(reduce, three))).toHaveLength(4);
  });
});

const pin = (site: string, pinned = true): StateEvent => ({
  type: "marked",
  marked: { ...ask(site), note: "", pinned },
});

describe("history", () => {
  it("keeps one entry per question and its pin", () => {
    const state = run(
      ...answer("L0.H0"),
      ...answer("L1.H0"),
      pin("L1.H0"),
      ...answer("L0.H0"),
      ...answer("L1.H0"),
    );
    expect(state.entries.map((e) => [e.number, e.pinned])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(shownEntry(state)?.number).toBe(2);
  });

  it("never loses a pinned entry to newer ones", () => {
    let state = run(...answer("L0.H0"), pin("L0.H0"));
    for (let i = 0; i < 260; i++) state = answer(`L1.H${i}`).reduce(reduce, state);
    expect(state.entries[0]?.result.patches[0]?.site).toBe("L0.H0");
    expect(state.entries.length).toBeLessThanOrEqual(201);
  });

  it("is the kernel's: a view that was opened later lists the same, and keeps its pins", () => {
    const past = ["L0.H0", "L1.H0", "L2.H0"].map((site) => result(ask(site)));
    const late = run({ type: "history", results: past });
    expect(late.entries.map((e) => [e.number, e.result.patches[0]?.site])).toEqual([
      [1, "L0.H0"],
      [2, "L1.H0"],
      [3, "L2.H0"],
    ]);
    const pinned = run(...answer("L1.H0"), pin("L1.H0"), { type: "history", results: past });
    expect(pinned.entries.map((e) => e.pinned)).toEqual([false, true, false]);
  });

  it("has the notes and pins that the kernel knows, and keeps the tokens of a pin", () => {
    const past = ["L0.H0", "L1.H0"].map((site) => result(ask(site)));
    const told = past.map((each, i) => ({ ...each, note: `note ${i}`, pinned: i === 0 }));
    const state = run(...answer("L0.H0"), pin("L0.H0"), { type: "history", results: told });
    expect(state.entries.map((e) => [e.note, e.pinned])).toEqual([
      ["note 0", true],
      ["note 1", false],
    ]);
    expect(state.entries[0]?.tokens?.pair).toBe("mean");
    expect(state.entries[1]?.tokens).toBeUndefined();
  });

  it("has two pins at most: one more takes the place of the earliest", () => {
    const sites = ["L0.H0", "L1.H0", "L2.H0"];
    const state = run(...sites.flatMap((site) => [...answer(site), pin(site)]));
    expect(state.entries.map((e) => e.pinned)).toEqual([false, true, true]);
    const back = run(
      ...sites.flatMap((site) => answer(site)),
      pin("L2.H0"),
      pin("L1.H0"),
      pin("L0.H0"),
    );
    expect(back.entries.map((e) => e.pinned)).toEqual([true, false, true]);
  });

  it("gives the singles to the joint patch they belong to", () => {
    const joint = result(ask("L0.H0", "L1.H0"), 77);
    const singles = [{ site: "L0.H0", readings: {} }];
    const state = run(
      { type: "result", result: joint },
      { type: "singles", id: 77, singles },
      { type: "singles", id: 5, singles: [] },
    );
    expect(shownEntry(state)?.singles).toEqual(singles);
  });
});

describe("a selection made in Python", () => {
  it("is on its way until its result comes", () => {
    const state = run({ type: "selected", sites: ["L0.H0"] });
    expect(sites(state)).toEqual(["L0.H0"]);
    expect(state.pending?.id).toBeUndefined();
    expect(reduce(state, { type: "result", result: result(ask("L0.H0")) }).pending).toBeUndefined();
  });

  it("does not disturb one's own question, nor repeat what is shown", () => {
    const own = run(asked(ask("L1.H0")));
    expect(reduce(own, { type: "selected", sites: ["L0.H0"] })).toBe(own);
    const shown = run(...answer("L1.H0"));
    expect(reduce(shown, { type: "selected", sites: ["L1.H0"] })).toBe(shown);
    expect(reduce(shown, { type: "selected", sites: [] }).result).toBeUndefined();
  });
});

describe("a path that is made", () => {
  const draft = { sender: "L0.H1", receivers: ["L1.H2.q"], choices: [] };
  const gone: StateEvent[] = [
    asked(ask("L0.H1->L1.H2.q")),
    { type: "connection", connection: "gone" },
  ];
  const made = run({ type: "set", values: { draft } }, ...gone);

  it("is left at its sender when nobody answers", () => {
    expect(made.draft).toEqual({ ...draft, receivers: [] });
  });

  it("goes on from its answer when that comes after all", () => {
    const late = result(ask("L0.H1->L1.H2.q"));
    expect(reduce(made, { type: "result", result: late }).draft).toEqual(draft);
  });

  it("is not taken from a path of another sender, nor while something else is asked", () => {
    const other = result(ask("L0.H2->L1.H2.q"));
    expect(reduce(made, { type: "result", result: other }).draft).toEqual(made.draft);
    const cleared = reduce(made, asked(ask()));
    const late = result(ask("L0.H1->L1.H2.q"));
    expect(reduce(cleared, { type: "result", result: late }).draft).toEqual(made.draft);
  });
});

it("changes no state it was given", () => {
  const frozen = Object.freeze(run(...answer("L0.H0")));
  expect(() => answer("L1.H0").reduce(reduce, frozen)).not.toThrow();
});
