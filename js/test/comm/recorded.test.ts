import { expect, it } from "vitest";
import { callOf, NOT_RECORDED, RecordedModel, type Recording } from "../../src/comm/recorded";

const RESULT = {
  kind: "result",
  patches: [{ site: "L0.H1", source: "source" }],
  direction: "denoise",
  metric: "logit_diff",
  pair: "mean",
};

const RECORDING: Recording = {
  traits: { position: "all" },
  scene: { message: { kind: "scene" }, buffers: [] },
  history: { message: { kind: "history" }, buffers: [] },
  results: [{ message: RESULT, buffers: [btoa("\u0001\u0002")] }],
  shows_last: true,
  singles: null,
  code: { "denoise kl": "exp = …\nr = exp.patch()\nr.value" },
};

type Told = Record<string, unknown>;

function answers(request: object): { messages: Told[]; buffers: DataView[][] } {
  const model = new RecordedModel(RECORDING);
  const messages: Told[] = [];
  const buffers: DataView[][] = [];
  model.on("msg:custom", (message, data) => {
    messages.push(message as Told);
    buffers.push(data as DataView[]);
  });
  model.send({ v: 1, id: 7, ...request });
  return { messages, buffers };
}

function patch(site: string, more: object = {}) {
  const { messages, buffers } = answers({ ...RESULT, kind: "patch", patches: [{ site }], ...more });
  return { answer: messages.at(-1), buffers: buffers.at(-1) };
}

it("greets with what was saved", () => {
  const { messages } = answers({ kind: "hello" });
  expect(messages.map(({ kind }) => kind)).toEqual(["ack", "scene", "history", "result"]);
  expect(messages.every(({ id, v }) => id === 7 && v === 1)).toBe(true);
});

it("answers what was computed, in any metric", () => {
  const { answer, buffers } = patch("L0.H1", { metric: "kl" });
  expect(answer).toMatchObject({ kind: "result", metric: "kl", id: 7 });
  expect(buffers?.[0]?.getUint8(1)).toBe(2);
});

it.each([
  ["another site", "L0.H2", {}],
  ["the other direction", "L0.H1", { direction: "noise" }],
  ["another pair", "L0.H1", { pair: 2 }],
  ["other prompts", "L0.H1", { edits: [{ pair: 0 }] }],
])("says what it would take for %s", (_, site, more) => {
  const { answer } = patch(site, more);
  expect(answer).toMatchObject({ kind: "error", code: NOT_RECORDED });
  expect(answer?.message).toContain(`In Python: exp.patch('${site}')`);
});

it("gives the lines of Python with the call in them", () => {
  const request = { kind: "code", patches: [{ site: "L9.H6", source: "source" }] };
  const { messages } = answers({ ...request, direction: "denoise", metric: "kl" });
  expect(messages.at(-1)?.code).toBe("exp = …\nr = exp.patch('L9.H6')\nr.value");
});

it("writes every source as Python", () => {
  const patches = [
    { site: "L0.H1", source: "clean" },
    { site: "L0.H2", source: { kind: "zero" } },
  ] as const;
  expect(callOf({ patches })).toBe(
    `exp.patch(pw.Patch('L0.H1', 'clean'), pw.Patch('L0.H2', pw.sources.from_json({"kind":"zero"})))`,
  );
  expect(callOf({ patches: [{ site: "L0.H1->logits", source: "source" }] })).toBe(
    "exp.path('L0.H1->logits')",
  );
});

it.each(["cancel", "position", "picture"])("only acknowledges %s", (kind) => {
  expect(answers({ kind }).messages.map((each) => each.kind)).toEqual(["ack"]);
});
