import { describe, expect, it } from "vitest";
import { codeOf } from "../../src/text/code";

describe("code", () => {
  it("writes the lines that give the same numbers", () => {
    const patches = [
      { site: "L23.H3", source: "source" },
      { site: "L20.H0@-1", source: "host" },
    ] as const;
    expect(codeOf({ patches, direction: "noise", metric: "kl" })).toBe(
      [
        "import patchwidgets as pw",
        "",
        'exp = pw.Experiment(model, task, metric="kl", direction="noise")',
        'r = exp.patch("L23.H3", pw.Patch("L20.H0@-1", source="host"))',
        "r.value, r.effect, r.recovery",
      ].join("\n"),
    );
  });

  it("breaks a long call and writes no patch for none", () => {
    const patches = Array.from(
      { length: 8 },
      (_, i) => ({ site: `L10.H${i}@-1`, source: "source" }) as const,
    );
    expect(codeOf({ patches, direction: "denoise", metric: "kl" })).toContain(
      'r = exp.patch(\n    "L10.H0@-1",\n',
    );
    expect(codeOf({ patches: [], direction: "denoise", metric: "kl" })).toContain(
      "exp.clean.value",
    );
  });
});
