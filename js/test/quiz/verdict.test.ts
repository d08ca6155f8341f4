import { describe, expect, test } from "vitest";
import { read } from "../../src/quiz/answers";
import type { Question, Quiz } from "../../src/quiz/question";
import { judge } from "../../src/quiz/verdict";

const quiz: Quiz = {
  layers: 30,
  heads: 9,
  prompts: [
    [
      "<bos>",
      "When",
      " Mary",
      " and",
      " John",
      " went",
      ",",
      " the",
      ",",
      " John",
      " gave",
      " a",
      " drink",
      " to",
    ],
    [
      "<bos>",
      "When",
      " Mary",
      " and",
      " John",
      " went",
      ",",
      " the",
      ",",
      " Tom",
      " gave",
      " a",
      " drink",
      " to",
    ],
  ],
  positions: { S2: 9, end: 13 },
  questions: [],
};

describe("answers are read in any form, as Python reads them", () => {
  test.each([
    ...["L9.H6", " l9 h6", "9.6", "(9, 6)", "[9, 6]", "layer 9, head 6", "L9.H6@-1"].map(
      (text) => ["head", text, "L9.H6"] as const,
    ),
    ...[" l3.mlp_out", "L3.MLP", "m3"].map((text) => ["component", text, "L3.mlp_out"] as const),
    ["component", "(9, 6)", "L9.H6"],
    ["component", "L3.attn", "L3.attn_out"],
    ...["S2", "s2", "9", "-5", "@9", "Tom", "␣Tom"].map((text) => ["position", text, 9] as const),
    ...["0.58", " .58 ", "58%", "58 %", "0,58"].map((text) => ["number", text, 0.58] as const),
    ["position", " gave", 10],
    ["position", "<bos>", 0],
    ["number", "−2", -2],
    ["number", "<0.001", 0.001],
    ["number", "< 0.1 %", 0.001],
    ...["#8", "pair 8", "Pair 8", "pair 8 of 8"].map((text) => ["number", text, 8] as const),
    ["number", "2.8e-05", 2.8e-5],
    ["choice", "AND", "AND"],
  ] as const)("%s %s", (kind, text, key) => {
    expect(read(text, kind, quiz)).toBe(key);
  });

  test.each([
    ["head", "L9.mlp_out", "first the layer, then the head"],
    ["head", "L3.H12", "its layer first"],
    ["head", "L40.H40", "layers 0 to 29, with the heads 0 to 8"],
    ["component", "L30.mlp_out", "layers 0 to 29"],
    ["component", "L30.H1", "layers 0 to 29"],
    ["component", "mlp", 'an MLP as "L3.mlp_out"'],
    ["head", "mlp", 'Write a head as "L2.H1"'],
    ["position", "14", "positions 0 to 13, counted from 0 at <bos>"],
    [
      "position",
      "last",
      "counted from 0 at <bos>, as its token, or as a name of the task (S2, end)",
    ],
    ["position", "John", "This token is at 4 and 9: write its number, counted from 0 at <bos>"],
    ["position", "␣", "Write a position as its number"],
    ["number", "much", "Write a number"],
  ] as const)("%s %s is answered", (kind, text, says) => {
    expect(read(text, kind, quiz)).toEqual({ says: expect.stringContaining(says) });
  });
});

test("the right answer comes first, then the first that was foreseen, then the rest", () => {
  const question: Question = {
    kind: "number",
    right: [0.584],
    tolerance: 0.015,
    foreseen: [
      { answers: [0.584, 6.77], says: "the effect" },
      { answers: [6.77], says: "too late" },
    ],
    praise: "yes",
    otherwise: "look again",
  };
  const said = (text: string) => judge(text, question, quiz);
  expect(said("58%")).toEqual({ right: true, says: "yes" });
  expect(said("6.77")).toEqual({ right: false, says: "the effect" });
  expect(said("3")).toEqual({ right: false, says: "look again" });
  expect(said(" ")).toEqual({ right: false, says: "There is no answer yet." });
  expect(said("x").right).toBe(false);
});

describe("numbers are compared as a page rounds them", () => {
  const question: Question = {
    kind: "number",
    right: [0.3676],
    tolerance: 0.015,
    foreseen: [
      { answers: [17.9628], says: "the effect" },
      { answers: [-6.3719], says: "the value" },
      { answers: [0.4334], says: "another head" },
      { answers: [0.3943], says: "noising" },
    ],
    praise: "yes",
    otherwise: "look again",
  };
  test.each([
    ["+18.0", "the effect"],
    ["18", "the effect"],
    ["−6.37", "the value"],
    ["-6.4", "the value"],
    ["0.394", "noising"],
    ["39 %", "noising"],
    ["37%", "yes"],
    [".4", "Write it with more digits."],
    ["0", "look again"],
    ["1", "look again"],
    ["17", "look again"],
  ] as const)("%s", (text, says) => {
    expect(judge(text, question, quiz).says).toBe(says);
  });

  test("a count is a count", () => {
    const count: Question = { ...question, right: [84], tolerance: 0, foreseen: [] };
    expect(judge("84.0", count, quiz).right).toBe(true);
    expect(judge("83", count, quiz).says).toBe("look again");
  });
});
