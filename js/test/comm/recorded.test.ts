import { describe, expect, it } from "vitest";
import { NOT_RECORDED } from "../../src/comm/recorded";
import { readRecording } from "../../src/comm/recording";
import { answers, patch, RECORDING, RESULT } from "../fixtures/recording";

it("reads the file: JSON, then arrays", () => {
  const { blobs: _, ...data } = RECORDING;
  const text = new TextEncoder().encode(JSON.stringify({ ...data, blobs: [2, 1] }));
  const file = new Uint8Array([text.length & 255, text.length >> 8, 0, 0, ...text, 7, 8, 9]);
  const { blobs, scene } = readRecording(file.buffer);
  expect(blobs.map((blob) => [blob.byteLength, blob.getUint8(0)])).toEqual([
    [2, 7],
    [1, 9],
  ]);
  expect(scene).toEqual(RECORDING.scene);
});

it("greets with what was saved", () => {
  const { messages, buffers } = answers({ kind: "hello" });
  expect(messages.map(({ kind }) => kind)).toEqual(["ack", "scene", "history", "result"]);
  expect(messages.every(({ id, v }) => id === 7 && v === 1)).toBe(true);
  expect(buffers.at(-1)?.[0]?.getUint8(1)).toBe(2);
});

it("answers what was asked before, in any metric", () => {
  const { answer, buffers } = patch("L9.H9", { metric: "kl" });
  expect(answer).toMatchObject({ kind: "result", metric: "kl", id: 7 });
  expect(buffers?.[0]?.getUint8(1)).toBe(2);
});

describe("a single site", () => {
  it("has every metric, with share and recovery as in Python", () => {
    const { answer } = patch("L0.H1", { metric: "kl" });
    expect(answer?.readings).toEqual({
      kl: { value: 3, effect: 1, share: 0.5, recovery: 0.5, reason: null },
      rank: { value: 1, effect: 0, share: null, recovery: null, reason: "The same." },
    });
  });

  it("has its tokens in the three runs", () => {
    const { answer } = patch("L0.H1");
    expect(answer?.patched).toMatchObject({ top: [{ token: " a", logit: 5, prob: 0.5 }] });
    expect(answer?.tokens).toEqual([
      {
        token: " b",
        clean: { logit: 3, prob: 0.3 },
        patched: { logit: 6, prob: 0.6 },
        corrupted: { logit: 4, prob: 0.4 },
      },
    ]);
  });

  it("has the reach of every cell", () => {
    const { answer, buffers } = patch("L0.H1");
    expect(answer?.buffers).toMatchObject([
      { name: "resid_post.along", shape: [2] },
      { name: "resid_post.size" },
      { name: "resid_post.cos" },
    ]);
    const values = buffers?.map((blob) => [blob.getFloat32(0, true), blob.getFloat32(4, true)]);
    expect(values).toEqual([
      [1, -1],
      [1, 0.5],
      [1, -1],
    ]);
  });

  it("is answered for each pair, with all of them beside it", () => {
    const { answer } = patch("L0.H1", { pair: 1 });
    expect(answer).toMatchObject({ pair: 1, task: { clean: ["pair 1"] } });
    expect(answer?.over_pairs).toMatchObject({
      kl: { mean: { value: 3 }, low: 0.1, high: 0.9, value: [3.5, 2.5], recovery: [0.75, 0.25] },
      rank: { low: 0.1, no_interval: "a median" },
    });
  });

  it.each(["L0.mlp_out@2", "L0.mlp_out@-1", "L0.mlp_out@S2"])("knows its position: %s", (site) => {
    const { answer } = patch(site, { metric: "kl" });
    expect(answer).toMatchObject({ patches: [{ site }], readings: { kl: { value: 2.5 } } });
  });
});

describe("what certainly changes nothing", () => {
  const joint = (...patches: object[]) =>
    answers({ ...RESULT, kind: "patch", patches }).messages[1];
  const frozen = { site: "L0.H0", source: "host" };

  it("is 0 before the first difference, with everything of the unpatched run", () => {
    const { answer, buffers } = patch("L0.H1@0");
    expect(answer).toMatchObject({
      kind: "result",
      patches: [{ site: "L0.H1@0" }],
      readings: { kl: { value: 2, effect: 0, share: 0 } },
      reach: { position: 2 },
      patched: { top: [{ token: " a" }] },
    });
    expect(buffers?.[0]?.getUint8(1)).toBe(2);
  });

  it.each(["L0.H1@2", "L0.H1@-1", "L0.H1@S2"])(
    "is 0 after what the metric reads, and says nothing of what it reaches: %s",
    (site) => {
      const { answer, buffers } = patch(site);
      expect(answer).toMatchObject({ kind: "result", readings: { kl: { effect: 0 } }, tokens: [] });
      expect(answer?.patched).toEqual({ values: { kl: 2 }, top: [] });
      expect(answer).not.toHaveProperty("reach");
      expect(buffers).toEqual([]);
    },
  );

  it("is what a box frozen alone does", () => {
    expect(joint(frozen)).toMatchObject({ kind: "result", readings: { kl: { effect: 0 } } });
  });

  it("leaves the rest of a joint patch as it is", () => {
    const both = joint({ site: "L0.H1", source: "source" }, { site: "L0.H0@0", source: "source" });
    expect(both).toMatchObject({
      patches: [{ site: "L0.H1" }, { site: "L0.H0@0" }],
      readings: { kl: { value: 3 } },
    });
  });

  it.each([
    ["between", { site: "L0.H1@1" }],
    ["from another source", { site: "L0.H1@0", source: { kind: "zero" } }],
    ["over a range", { site: "L0.H1@0:1" }],
    ["of a path", { site: "L0.H1@0->logits" }],
  ])("is not known %s", (_, each) => {
    expect(joint(each)).toMatchObject({ kind: "error", code: NOT_RECORDED });
  });

  it("fills the map of heads there", () => {
    const maps = [{ name: "heads", component: "z", over: ["layer", "head"], position: 0 }];
    const request = { kind: "sweep", maps, field: "total", metric: "kl", pair: "mean" };
    const { messages, buffers } = answers({ ...request, direction: "denoise" });
    expect(messages[1]).toMatchObject({ shape: [1, 2], done: 2, zero: 2, unpatchable: [] });
    expect(buffers[1]?.map((blob) => blob.getFloat32(4, true))).toEqual([0, 0]);
  });
});

it("knows each part of a joint patch", () => {
  const joint = [{ site: "L0.H1" }, { site: "L0.mlp_out@2" }];
  const recording = {
    ...RECORDING,
    results: [{ message: { ...RESULT, patches: joint }, buffers: [] }],
  };
  const { messages } = answers({ ...RESULT, kind: "patch", patches: joint }, recording);
  expect(messages.at(-1)).toMatchObject({
    kind: "singles",
    singles: [{ site: "L0.H1" }, { site: "L0.mlp_out@2", readings: { kl: { value: 2.5 } } }],
  });
});

it("fills the maps", () => {
  const maps = [{ name: "heads", component: "z", over: ["layer", "head"] }];
  const request = { kind: "sweep", maps, field: "total", metric: "kl", pair: "mean" };
  const { messages, buffers } = answers({ ...request, direction: "denoise" });
  expect(messages[1]).toMatchObject({ kind: "cells", shape: [1, 2], done: 1, unpatchable: [0] });
  expect(buffers[1]?.map((blob) => blob.getFloat32(4, true))).toEqual([0.5, 1]);
  expect(messages[2]).toMatchObject({ kind: "swept" });
  const direct = answers({ ...request, direction: "denoise", field: "direct" }).messages[1];
  expect(direct?.reason).toContain(
    "before this page was saved; it needs Python: exp.measuring('kl').direct_effects('z', over=('layer', 'head'))",
  );
});

it.each([
  ["another site", "L0.H2", {}],
  ["the other direction", "L0.H1", { direction: "noise" }],
  ["another pair", "L0.H1", { pair: 2 }],
])("says what it would take for %s", (_, site, more) => {
  const { answer } = patch(site, more);
  expect(answer).toMatchObject({ kind: "error", code: NOT_RECORDED });
  const turned = "direction" in more ? ".turned('noise')" : "";
  expect(answer?.message).toContain(`In Python: exp${turned}.patch('${site}')`);
});

it.each(["head", "senders", "lens", "circuit", "curve", "neurons", "tokens", "export", "new"])(
  "refuses %s with its line, and lines that make the experiment",
  (kind) => {
    const request = {
      patches: [],
      maps: [],
      head: "L0.H1",
      clean: "",
      corrupted: "",
      answer: "",
      foil: null,
      method: "logit",
    };
    const { messages } = answers({ ...RESULT, ...request, source: "source", kind, metric: "kl" });
    expect(messages.at(-1)).toMatchObject({ kind: "error", code: NOT_RECORDED });
    expect(messages.at(-1)?.message).toContain(
      "was not computed before this page was saved. In Python: ",
    );
    const details = String(messages.at(-1)?.details);
    expect(details.startsWith("exp = …\n") || details.startsWith("task = ")).toBe(true);
  },
);

it("gives the lines of Python with the call in them, for the mean and for a pair", () => {
  const request = { kind: "code", patches: [{ site: "L9.H6", source: "source" }], metric: "kl" };
  const of = (pair: unknown) => answers({ ...request, direction: "denoise", pair }).messages.at(-1);
  expect(of("mean")?.code).toBe("exp = …\nr = exp.patch('L9.H6')\nr.value, r.effect");
  expect(of(1)?.code).toBe(
    "exp = …\nr = exp.patch('L9.H6')\nr.per_pair.value[1], r.per_pair.effect[1]",
  );
});

it.each(["cancel", "position", "picture"])("only acknowledges %s", (kind) => {
  expect(answers({ kind }).messages.map((each) => each.kind)).toEqual(["ack"]);
});
