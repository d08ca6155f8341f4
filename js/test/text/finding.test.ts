import { describe, expect, it } from "vitest";
import type { Patch } from "../../src/model/patch";
import { announcement, caption, findingSentence, NOTHING_PATCHED } from "../../src/text/finding";
import { at, found, model, reading, run } from "../fixtures/findings";

describe("the finding", () => {
  it.each([
    [0.5838, "L23.H3 restores 58 % of the difference and puts ␣Mary back on top."],
    [0.9993, "L23.H3 restores 99.9 % of the difference and puts ␣Mary back on top."],
    [1.2, "L23.H3 overshoots: 120 % of the difference, and puts ␣Mary back on top."],
    [0.02, "L23.H3 changes little: 2 % of the difference, and puts ␣Mary back on top."],
    [-0.25, "L23.H3 pushes away from the clean answer: −25 %, and puts ␣Mary back on top."],
  ])("denoise, share %f", (share, sentence) => {
    expect(findingSentence(found({ reading: reading(share) }))).toBe(sentence);
  });

  it("says of which pair the top token is, where there are several", () => {
    expect(findingSentence(found({ nPairs: 50 }))).toBe(
      "L23.H3 restores 58 % of the difference and puts ␣Mary back on top in pair 1.",
    );
  });

  it("says nothing of the top token where it stays, and names another where it is another", () => {
    expect(findingSentence(found({ patched: run(" John", 0) }))).toBe(
      "L23.H3 restores 58 % of the difference.",
    );
    expect(findingSentence(found({ patched: run(" the", 0) }))).toBe(
      "L23.H3 restores 58 % of the difference and puts ␣the on top.",
    );
  });

  it.each([
    [0.6103, "Corrupting L23.H3 costs 61 % of the difference and puts ␣John on top."],
    [1.3, "Corrupting L23.H3 overshoots: 130 % of the difference is lost, and puts ␣John on top."],
    [0, "Corrupting L23.H3 changes little: 0 % of the difference, and puts ␣John on top."],
    [-0.1, "Corrupting L23.H3 helps the answer: 10 % of the difference, and puts ␣John on top."],
  ])("noise, share %f", (share, sentence) => {
    expect(
      findingSentence(
        found({ direction: "noise", reading: reading(share), patched: run(" John", 0) }),
      ),
    ).toBe(sentence);
  });

  it("uses the plural for joint patches", () => {
    expect(
      findingSentence(found({ patches: at("L23.H3", "L20.H0"), reading: reading(0.9848) })),
    ).toBe("L23.H3 and L20.H0 restore 98 % of the difference and put ␣Mary back on top.");
  });

  it("explains an undefined recovery", () => {
    const same = { clean: run("a", 6.12), corrupted: run("b", 6.12) };
    expect(findingSentence(found({ runs: same, reading: reading(null) }))).toBe(
      "No recovery: both prompts give +6.12. Change a prompt, the answer or the metric.",
    );
    const why = { ...reading(null), reason: "the difference is within the noise floor" };
    expect(findingSentence(found({ reading: why }))).toBe(
      "No recovery: the difference is within the noise floor.",
    );
  });

  it("is announced with its numbers", () => {
    expect(announcement(found({ patched: run(" John", 0) }))).toBe(
      "L23.H3 restores 58 % of the difference. Logit diff +1.29, effect +6.77.",
    );
  });
});

describe("captions", () => {
  it("states the limit of each direction", () => {
    expect(caption(at("L23.H3"), "denoise", model).join("")).toBe(
      "The corrupted run gets L23.H3's clean value; a high number means it is enough here, not that the model needs it.",
    );
    expect(caption(at("L23.H3"), "noise", model).join("")).toBe(
      "The clean run gets L23.H3's corrupted value; a large drop means it is needed here, not that it is enough alone.",
    );
    expect(caption(at("L23.H3", "L20.H0"), "denoise", model).join("")).toBe(
      "The corrupted run gets the clean values of L23.H3 and L20.H0; a high number means they are enough here, not that the model needs them.",
    );
  });

  it("says whose value it is", () => {
    const from = (...sources: Patch["source"][]) =>
      caption(
        sources.map((source, i) => ({ site: `L${i}.H0`, source })),
        "denoise",
        model,
      )[0];
    expect(from("host")).toContain("gets L0.H0's own value;");
    expect(from("source", "clean")).toContain("gets the clean values of L0.H0 and L1.H0;");
    expect(from("source", "host")).toContain("gets the chosen values of L0.H0 and L1.H0;");
  });

  it("says where to click", () => {
    expect(NOTHING_PATCHED.denoise).toBe(
      "Click any box: the corrupted prompt is run again with that box's clean value.",
    );
    expect(NOTHING_PATCHED.noise).toBe(
      "Click any box: the clean prompt is run again with that box's corrupted value.",
    );
  });
});
