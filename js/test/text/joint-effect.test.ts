import { describe, expect, it } from "vitest";
import type { Single } from "../../src/model/result";
import { jointSentence } from "../../src/text/joint-effect";
import { metric, reading } from "../fixtures/findings";

describe("joint against sum", () => {
  const singles = (...effects: number[]): Single[] =>
    effects.map((effect, i) => ({
      site: `L${i}.H0`,
      readings: { logit_diff: reading(0.1, effect) },
    }));
  it.each([
    [
      11.4289,
      [6.7749, 2.5011],
      "Together +11.4; alone +6.77 and +2.50 (sum +9.28): more than the sum.",
    ],
    [9.3, [6.7749, 2.5011], "Together +9.30; alone +6.77 and +2.50 (sum +9.28): they add up."],
    [7, [6.7749, 2.5011], "Together +7.00; alone +6.77 and +2.50 (sum +9.28): they overlap."],
    [
      -2,
      [1.5, 2.5],
      "Together −2.00; alone +1.50 and +2.50 (sum +4.00): they work against each other.",
    ],
    [-9, [-2, -3], "Together −9.00; alone −2.00 and −3.00 (sum −5.00): more than the sum."],
    [-9, [-2, -1], "Together −9.00; alone −2.00 and −1.00 (sum −3.00): they need each other."],
    [0.2, [2, 3], "Together +0.200; alone +2.00 and +3.00 (sum +5.00): together they cancel out."],
    [4, [1, 1, 1, 1], "Together +4.00; alone their sum is +4.00: they add up."],
  ])("%f", (joint, alone, sentence) => {
    expect(jointSentence(reading(0.9, joint), singles(...alone), metric)).toBe(sentence);
  });

  it("is silent without the parts", () => {
    expect(jointSentence(reading(0.9, 4), [], metric)).toBeUndefined();
    expect(jointSentence(reading(0.9, 4), singles(1), metric)).toBeUndefined();
  });
});
