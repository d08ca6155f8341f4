import { describe, expect, it } from "vitest";
import type { Direction } from "../../src/model/experiment";
import type { Patch } from "../../src/model/patch";
import { announcement, findingSentence } from "../../src/text/finding";
import { caption, shortLimit } from "../../src/text/limits";
import { nothingPatched } from "../../src/text/source";
import { at, found, model, reading, run } from "../fixtures/findings";

describe("the finding", () => {
  it.each([
    [0.5838, "L23.H3 restores 58 % of the difference and puts ␣Mary back on top."],
    [0.9993, "L23.H3 restores 99.9 % of the difference and puts ␣Mary back on top."],
    [1.2, "L23.H3 overshoots: 120 % of the difference, and puts ␣Mary back on top."],
    [0.02, "L23.H3 changes little: 2 % of the difference, and puts ␣Mary back on top."],
    [
      -0.25,
      "L23.H3 pushes away from the clean answer: −25 % of the difference, and puts ␣Mary back on top.",
    ],
  ])("denoise, share %f", (share, sentence) => {
    expect(findingSentence(found({ reading: reading(share) }))).toBe(sentence);
  });

  it("says what it is about where there are several pairs; over the mean no token is on top", () => {
    expect(findingSentence(found({ nPairs: 50, pair: 3 }))).toBe(
      "In pair 4, L23.H3 restores 58 % of the difference and puts ␣Mary back on top.",
    );
    expect(findingSentence(found({ nPairs: 50 }))).toBe(
      "Over all 50 pairs, L23.H3 restores 58 % of the difference.",
    );
    expect(findingSentence(found({ nPairs: 50, direction: "noise" }))).toBe(
      "Over all 50 pairs, corrupting L23.H3 costs 58 % of the difference.",
    );
  });

  it("says nothing of the top token where it stays, and names another where it is another", () => {
    expect(findingSentence(found({ patched: run(" John", 0) }))).toBe(
      "L23.H3 restores 58 % of the difference.",
    );
  });

  it("takes a new token on top for a success only where it is the answer", () => {
    const said = (top: string, change = {}) =>
      findingSentence(found({ patched: run(top, 0), ...change })).replace(/^[^;]*; /, "");
    expect(said(" the")).toBe("the top token becomes ␣the, neither answer nor foil.");
    expect(said(" the", { foil: [] })).toBe("the top token becomes ␣the, not the answer.");
    expect(said(" the", { nPairs: 9, pair: 0 })).toBe(
      "the top token becomes ␣the, neither answer nor foil.",
    );
    expect(said(" Ma")).toBe("the top token becomes ␣Ma, the start of the answer.");
    const weak = { clean: run(" his", 6), corrupted: run(" her", -5) };
    expect(said(" his", { runs: weak })).toBe("the top token becomes ␣his, as in the clean run.");
    expect(said(" John", { runs: weak })).toBe("the top token becomes ␣John, the foil.");
    expect(said(" Mary", { direction: "noise", runs: weak })).toBe(
      "the top token becomes ␣Mary, the answer.",
    );
  });

  it.each([
    [0, "L23.H3 changes nothing: exactly 0."],
    [0.0003, "L23.H3 changes little: under 0.1 % of the difference."],
    [0.008, "L23.H3 changes little: 0.8 % of the difference."],
    [-0.0003, "L23.H3 changes little: under 0.1 % of the difference."],
    [1.3, "L23.H3 overshoots: 130 % of the difference."],
  ])("says the truth of a share of %f", (share, sentence) => {
    const same = run(" John", 0);
    expect(findingSentence(found({ reading: reading(share), patched: same }))).toBe(sentence);
  });

  it.each([
    [0.6103, "Corrupting L23.H3 costs 61 % of the difference and puts ␣John on top."],
    [1.3, "Corrupting L23.H3 overshoots: 130 % of the difference is lost, and puts ␣John on top."],
    [0, "Corrupting L23.H3 changes nothing: exactly 0, and puts ␣John on top."],
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
    expect(caption(at("L23.H3"), "denoise", model, 0.58).join("")).toBe(
      "The corrupted run gets L23.H3's clean value; a high number means it is enough here, not that the model needs it.",
    );
    expect(caption(at("L23.H3"), "noise", model, 0.61).join("")).toBe(
      "The clean run gets L23.H3's corrupted value; a large drop means it is needed here, not that it is enough alone.",
    );
    expect(caption(at("L23.H3", "L20.H0"), "denoise", model, 0.58).join("")).toBe(
      "The corrupted run gets the clean values of L23.H3 and L20.H0; a high number means they are enough here, not that the model needs them.",
    );
  });

  it.each([
    ["denoise", 1.3, "over 100 % means it is more than enough here, not that the model needs it."],
    [
      "denoise",
      0.008,
      "a number near 0 means it is not enough here, not that the model does without it.",
    ],
    [
      "denoise",
      -0.25,
      "below 0 means it works against the clean answer here, not that it does elsewhere.",
    ],
    ["noise", 1.3, "over 100 % means it is needed here, not that it is enough alone."],
    ["noise", -0.02, "a drop near 0 means it is not needed here; others may stand in for it."],
    ["noise", -0.25, "below 0 means it works against the answer here, not that it does elsewhere."],
  ] as const)("says what does not follow in %s from a share of %f", (direction, share, end) => {
    const one = caption(at("L23.H3"), direction, model, share).join("");
    expect(one.slice(one.indexOf("; ") + 2)).toBe(end);
    const two = caption(at("L23.H3", "L20.H0"), direction, model, share).join("");
    expect(two).not.toMatch(/\bits?\b/);
    expect(two).toContain("they");
  });

  it("limits a joint patch in few words, also where it does nothing or harm", () => {
    expect(shortLimit("denoise", 0.58)).toBe("Enough for 58 % here; not shown to be needed.");
    expect(shortLimit("denoise", 0.008)).toBe("Not enough here; they may still be needed.");
    expect(shortLimit("denoise", -0.3)).toBe("They work against the clean answer here.");
    expect(shortLimit("noise", 0.01)).toBe("Not needed here; others may stand in for them.");
    expect(shortLimit("noise", 1.2)).toBe("Needed for all of it here; not shown to be enough.");
  });

  it("says whose value it is", () => {
    const from = (...sources: Patch["source"][]) =>
      caption(
        sources.map((source, i) => ({ site: `L${i}.H0`, source })),
        "denoise",
        model,
        0.58,
      )[0];
    expect(from("source", "clean")).toContain("gets the clean values of L0.H0 and L1.H0;");
    expect(from("source", "host")).toContain(
      "The corrupted run gets L0.H0's clean value and keeps its own of L1.H0;",
    );
    expect(from("source", "source", "host", "host")).toContain(
      "gets the clean values of L0.H0 and L1.H0 and keeps its own of L2.H0 and L3.H0;",
    );
    expect(from("host")).toContain("Click a box before it");
  });

  it("says what is frozen", () => {
    const frozen: Patch = { site: "L24.H4", source: "host" };
    const say = (patches: readonly Patch[], direction: Direction = "denoise", share = 0.58) =>
      findingSentence(found({ patches, direction, reading: reading(share) }));
    const moved = at("L23.H3");
    expect(say([...moved, frozen])).toContain(
      "L23.H3 with L24.H4 frozen restores 58 % of the difference",
    );
    expect(say([...at("L23.H3", "L20.H0"), frozen])).toContain(
      "L23.H3 and L20.H0 with L24.H4 frozen restore 58 %",
    );
    expect(say([...moved, frozen], "noise")).toContain(
      "Corrupting L23.H3 with L24.H4 frozen costs 58 %",
    );
    expect(say([{ site: "L23.H3", source: { kind: "zero" } }, frozen], "noise")).toContain(
      "Setting L23.H3 to zero with L24.H4 frozen costs 58 %",
    );
    expect(say([frozen], "denoise", 0)).toBe(
      "L24.H4 frozen, and nothing else is patched: all stays as it was.",
    );
  });

  it("says where to click", () => {
    expect(nothingPatched("source", "denoise")).toBe(
      "Click any box: the corrupted prompt is run again with that box's clean value.",
    );
    expect(nothingPatched("source", "noise")).toBe(
      "Click any box: the clean prompt is run again with that box's corrupted value.",
    );
  });
});
