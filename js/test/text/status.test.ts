import { describe, expect, it } from "vitest";
import { connectionSentence, problemSentence, refusalSentence } from "../../src/text/status";
import { foldLabel } from "../../src/text/tokens";

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
