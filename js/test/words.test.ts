import { describe, expect, it } from "vitest";
import type { MetricInfo, ModelInfo, Run } from "../src/model/experiment";
import type { Patch } from "../src/model/patch";
import { sourceLane } from "../src/model/patch";
import type { Reading, Single } from "../src/model/result";
import {
  announcement,
  caption,
  type Finding,
  findingSentence,
  NOTHING_PATCHED,
} from "../src/text/finding";
import { jointSentence } from "../src/text/joint-effect";
import { patchName } from "../src/text/names";
import { connectionSentence, problemSentence, refusalSentence } from "../src/text/status";
import { foldLabel } from "../src/text/tokens";

const model: ModelInfo = {
  name: "m",
  dtype: "float32",
  device: "cpu",
  n_layers: 3,
  n_heads: 4,
  n_kv_heads: 2,
  components: [],
  refused: {},
  checks: { passed: true, summary: "" },
};
const metric: MetricInfo = {
  name: "logit_diff",
  label: "logit diff",
  unit: "logits",
  lower_is_better: false,
  noise_floor: 1e-5,
};
const at = (...sites: string[]): Patch[] => sites.map((site) => ({ site, source: "source" }));
const run = (top: string, value: number): Run => ({
  values: { logit_diff: value },
  top: [{ token: top, prob: 0.9, logit: 9 }],
});
const reading = (share: number | null, effect = 6.774888): Reading => ({
  value: 1.2896,
  effect,
  share,
  recovery: share,
  reason: null,
});
const runs = { clean: run(" Mary", 6.1196), corrupted: run(" John", -5.4853) };
const found = (change: Partial<Finding> = {}): Finding => ({
  patches: at("L23.H3"),
  direction: "denoise",
  reading: reading(0.5838),
  patched: run(" Mary", 1.29),
  runs,
  metric,
  model,
  nPairs: 1,
  ...change,
});

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

describe("names", () => {
  it("lists up to three sites and counts more", () => {
    expect(patchName(at("L1.H0"), model)).toBe("L1.H0");
    expect(patchName(at("L1.H0", "L2.H1", "L0.mlp_out"), model)).toBe(
      "L1.H0, L2.H1 and L0.mlp_out",
    );
    expect(patchName(at("L1.H0", "L2.H1", "L0.mlp_out", "L2.H2"), model)).toBe("4 sites");
  });

  it("recognises everything but one", () => {
    expect(patchName(at("L1.H0", "L1.H1", "L1.H3"), model)).toBe("all heads of L1 but H2");
    expect(patchName(at("L1.H0@-1", "L1.H1@-1", "L1.H3@-1"), model)).toBe(
      "all heads of L1 but H2 @-1",
    );
    expect(patchName(at("L0.mlp_out", "L2.mlp_out"), model)).toBe("all mlp_out but L1's");
  });

  it("finds the lane that a source names", () => {
    const patch = (source: Patch["source"]): Patch => ({ site: "L1.H0", source });
    expect(sourceLane(patch("source"), "denoise")).toBe("clean");
    expect(sourceLane(patch("source"), "noise")).toBe("corrupted");
    expect(sourceLane(patch("host"), "denoise")).toBe("corrupted");
    expect(sourceLane(patch("clean"), "noise")).toBe("clean");
  });
});

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
      "Together +11.4; alone +6.77 and +2.50 (sum +9.28): they need each other.",
    ],
    [9.3, [6.7749, 2.5011], "Together +9.30; alone +6.77 and +2.50 (sum +9.28): they add up."],
    [7, [6.7749, 2.5011], "Together +7.00; alone +6.77 and +2.50 (sum +9.28): they overlap."],
    [
      -2,
      [1.5, 2.5],
      "Together −2.00; alone +1.50 and +2.50 (sum +4.00): they work against each other.",
    ],
    [-9, [-2, -3], "Together −9.00; alone −2.00 and −3.00 (sum −5.00): they need each other."],
    [4, [1, 1, 1, 1], "Together +4.00; alone their sum is +4.00: they add up."],
  ])("%f", (joint, alone, sentence) => {
    expect(jointSentence(reading(0.9, joint), singles(...alone), metric)).toBe(sentence);
  });

  it("is silent without the parts", () => {
    expect(jointSentence(reading(0.9, 4), [], metric)).toBeUndefined();
    expect(jointSentence(reading(0.9, 4), singles(1), metric)).toBeUndefined();
  });
});

describe("states", () => {
  it("says what the connection is", () => {
    expect(connectionSentence("live", "L1.H0", undefined)).toBeUndefined();
    expect(connectionSentence("busy", "L23.H3", undefined)).toBe(
      "The kernel is busy with another cell. L23.H3 is waiting.",
    );
    expect(connectionSentence("busy", undefined, undefined)).toBe(
      "The kernel is busy with another cell.",
    );
    expect(connectionSentence("gone", undefined, "L23.H3")).toBe(
      "No Python is answering. Run this cell again. You see the last result, L23.H3.",
    );
    expect(connectionSentence("restarted", undefined, undefined)).toBe(
      "The kernel restarted. Run the notebook from the top.",
    );
  });

  it("says what failed, once", () => {
    const problem = (site: string | undefined, message: string) =>
      problemSentence({ site, message, details: "" });
    expect(problem("L23.H3", "expected 9 heads, got 8.")).toBe(
      "L23.H3 failed: expected 9 heads, got 8. The model is unchanged.",
    );
    expect(problem("L99.H3", "L99.H3: layer 99 is out of range.")).toBe(
      "L99.H3: layer 99 is out of range. The model is unchanged.",
    );
    expect(problem(undefined, "out of memory")).toBe("out of memory. The model is unchanged.");
  });

  it("refuses with the reason, and folds in words", () => {
    expect(
      refusalSentence(
        "L5.resid_mid",
        "attention and MLP run in parallel. Use resid_pre or resid_post.",
      ),
    ).toBe("No L5.resid_mid here: attention and MLP run in parallel. Use resid_pre or resid_post.");
    expect(foldLabel(186, true)).toBe("⋯ 186 identical tokens · exactly 0");
    expect(foldLabel(3, false)).toBe("⋯ 3 identical");
  });
});
