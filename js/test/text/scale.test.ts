import { describe, expect, it } from "vitest";
import { scaleWords } from "../../src/text/scale";

const run = (value: number | null) => ({ values: { m: value }, top: [] });

const metric = { name: "m", label: "m", unit: "logits", lower_is_better: false, noise_floor: 0 };

const base = { direction: "denoise", metric, runs: { clean: run(6), corrupted: run(-4) } } as const;

describe("the ends of a scale", () => {
  it("are shares of the difference; towards clean they grow in denoise and shrink in noise", () => {
    expect(scaleWords(0.5, { ...base, unit: "share" })).toEqual({
      corrupted: "−50 %",
      clean: "+50 %",
      range: "50 %",
      unit: "of the difference",
    });
    const noise = scaleWords(1, { ...base, unit: "share", direction: "noise" });
    expect([noise.corrupted, noise.clean]).toEqual(["+100 %", "−100 %"]);
  });

  it("are effects in the metric's unit, the same in both directions", () => {
    for (const direction of ["denoise", "noise"] as const)
      expect(scaleWords(0.2, { ...base, unit: "effect", direction })).toEqual({
        corrupted: "−2.00",
        clean: "+2.00",
        range: "2.00 logits",
        unit: "logits",
      });
  });

  it("turn round where lower is better", () => {
    const runs = { clean: run(0), corrupted: run(8) };
    const said = scaleWords(1, { ...base, unit: "effect", runs });
    expect([said.corrupted, said.clean]).toEqual(["+8.00", "−8.00"]);
  });

  it("are shares where a run has no value", () => {
    const runs = { clean: run(null), corrupted: run(8) };
    expect(scaleWords(1, { ...base, unit: "effect", runs }).unit).toBe("of the difference");
  });
});
