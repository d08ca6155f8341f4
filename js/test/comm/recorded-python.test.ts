import { describe, expect, it } from "vitest";
import type { Outgoing } from "../../src/comm/protocol";
import { RecordedModel } from "../../src/comm/recorded";
import { lineOf } from "../../src/comm/recorded-python";
import { answers, patch, RECORDING, RESULT, type Told } from "../fixtures/recording";
import LINES from "./python-lines.json";

const { metrics } = RECORDING.experiment;
const AROUND = { exp: [RECORDING.experiment], metrics, headsPerKey: 1 };

it("says it for other prompts", () => {
  const edit = {
    pair: 0,
    clean: "it's \\\n",
    corrupted: "b",
    answer: "c",
    foil: null,
    align: false,
  };
  const { answer } = patch("L0.H1", { edits: [edit] });
  const lines =
    "task = pw.Task('it\\'s \\\\\\n', 'b', 'c'); exp = pw.Experiment(model, task, metric='logit_diff', direction='denoise'); exp.patch('L0.H1')";
  expect(answer?.message).toContain(lines);
  expect(answer?.details).toBe(lines);
});

it.each(LINES as [object, string][])("has a line for %j", (request, line) => {
  expect(lineOf(request as Outgoing, AROUND)).toBe(line);
});

it("names the key that heads share", () => {
  const asked = { kind: "senders", head: "L4.H5" } as Outgoing;
  expect(lineOf(asked, { ...AROUND, headsPerKey: 3 })).toContain(
    "['L4.H5.q', 'L4.KV1.k', 'L4.KV1.v']",
  );
});

describe("what was not computed", () => {
  const said = (patches: object[], more: object = {}) =>
    String(answers({ ...RESULT, kind: "patch", patches, ...more }).messages[1]?.message);
  const zero = { kind: "zero" };

  it.each([
    ["L0.H1 with source zero was", [{ site: "L0.H1", source: zero }], {}],
    ["L9.H9 in noise was", [{ site: "L9.H9" }], { direction: "noise" }],
    ["L8.H8 was", [{ site: "L8.H8" }], { direction: "noise" }],
    ["L0.H1 + L9.H9 together were", [{ site: "L0.H1" }, { site: "L9.H9" }], {}],
    [
      "L0.H1 + L9.H9 frozen together were",
      [{ site: "L0.H1" }, { site: "L9.H9", source: "host" }],
      {},
    ],
    ["This patch was", [{ site: "L0.H1" }, { site: "L9.H9", source: zero }], {}],
  ])("is named: %s", (name, patches, more) => {
    expect(said(patches, more).startsWith(`${name} not computed before`)).toBe(true);
  });

  it("has a line for a metric of the reader's own, and for other prompts with it", () => {
    expect(said([{ site: "L8.H8" }], { metric: "own" })).toContain(
      "In Python: exp.measuring(exp.metrics['own']).patch('L8.H8')",
    );
    const edits = [{ clean: "a", corrupted: "b", answer: "c", foil: null, align: false }];
    expect(said([{ site: "L8.H8" }], { metric: "own", edits })).toContain(
      "pw.Experiment(model, task, metric=exp.metrics['own'], direction='denoise')",
    );
  });

  it("has a direction in its line also where only the lines below the page are turned", () => {
    const turned = { ...RESULT, patches: [{ site: "L9.H9" }], direction: "noise" };
    const recording = { ...RECORDING, results: [{ message: turned, buffers: [] }] };
    const model = new RecordedModel(recording);
    const messages: Told[] = [];
    model.on("msg:custom", (message) => messages.push(message as Told));
    model.send({ ...turned, kind: "patch", id: 1 });
    model.send({ ...turned, kind: "patch", id: 2, patches: [{ site: "L8.H8" }] });
    model.send({ ...RESULT, kind: "patch", id: 3, patches: [{ site: "L8.H8" }] });
    const lines = messages.filter(({ kind }) => kind === "error").map(({ message }) => message);
    expect(lines[0]).toContain("In Python: exp.turned('noise').patch('L8.H8')");
    expect(lines[1]).toContain("In Python: exp.turned('denoise').patch('L8.H8')");
  });
});

it("follows what is shown with lines of Python, not what was refused", () => {
  const shown: string[] = [];
  const model = new RecordedModel(RECORDING, (code) => shown.push(code));
  const ask = (site: string, metric: string) =>
    model.send({ ...RESULT, kind: "patch", id: 1, metric, patches: [{ site }] });
  ask("L0.H1", "kl");
  ask("L8.H8", "kl");
  expect(shown).toEqual(["exp = …\nr = exp.patch('L0.H1')\nr.value, r.effect"]);
});

it("writes lines about edited prompts that were saved with the experiment of these prompts", () => {
  const edits = [{ clean: "a", corrupted: "b", answer: "c", foil: null, align: false }];
  const request = { ...RESULT, kind: "code", metric: "kl", edits };
  expect(answers(request).messages.at(-1)?.code).toContain("\nr = exp.patch('L0.H1')\n");
});
