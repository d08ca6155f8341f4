import { expect, it } from "vitest";
import { isTerm, termSentence } from "../../src/text/terms";

const context = { direction: "denoise", model: "4 layers × 4 heads", checks: "gap 2e-05" } as const;

it("explains words by the runs that they stand for, and the checks by what was checked", () => {
  expect(termSentence("reach", context)).toBe(
    "Reach: how far a box moved from its corrupted to its clean value, at the last token. Full is all the way.",
  );
  expect(termSentence("reach", { ...context, direction: "noise" })).toContain(
    "from its clean to its corrupted value",
  );
  expect(termSentence("checks", context)).toBe(
    "4 layers × 4 heads. Checked when it was loaded: gap 2e-05",
  );
});

it("knows its words, and no names that objects have", () => {
  expect(["host", "notch", "constructor", "", null].map(isTerm)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
