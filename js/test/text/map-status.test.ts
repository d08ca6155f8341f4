import { describe, expect, it } from "vitest";
import { cellLabel, sweepSentence, timeLeft } from "../../src/text/map-status";
import { cells } from "../fixtures/map";

describe("words", () => {
  it("say how far it is", () => {
    expect(sweepSentence("running", undefined, undefined)).toBe("Waiting for the first cells.");
    expect(sweepSentence("running", cells(), undefined)).toBe("Exact so far: 4 of 6, 3 s left.");
    expect(sweepSentence("running", cells({ secondsLeft: null }), undefined)).toBe(
      "Exact so far: 4 of 6.",
    );
    expect(sweepSentence("stopped", cells(), undefined)).toBe(
      "Stopped after 4 of 6. The model is unchanged.",
    );
    expect(sweepSentence("failed", cells(), "out of memory")).toBe(
      "No map: out of memory. The model is unchanged.",
    );
  });

  it("say of a whole map what needed no computing, also when another was stopped", () => {
    const whole = cells({ done: 300, total: 300, zero: 126 });
    const said = "Exact: 300 of 300. 126 cells exactly 0, nothing to compute.";
    expect(sweepSentence("done", whole, undefined)).toBe(said);
    expect(sweepSentence("stopped", whole, undefined)).toBe(said);
    expect(sweepSentence("done", { ...whole, zero: 0 }, undefined)).toBe("Exact: 300 of 300.");
  });

  it("are as coarse as the guess of the time, and name each cell", () => {
    expect([0.2, 12.4, 250].map(timeLeft)).toEqual(["1 s", "12 s", "4 min"]);
    expect(cellLabel("L1.H2", "pending", "")).toBe("L1.H2, not yet computed");
    expect(cellLabel("L1.H2", "zero", "0 %")).toBe("L1.H2, exactly 0");
    expect(cellLabel("L1.H2", "value", "58 %")).toBe("L1.H2, 58 %");
  });
});
