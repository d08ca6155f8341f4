import { describe, expect, it } from "vitest";
import { listed } from "../../src/text/names";
import {
  effectNumber,
  metricNumber,
  percent,
  percentWhole,
  plainNumber,
  probability,
  signed,
} from "../../src/text/numbers";
import { shortToken, tokenText } from "../../src/text/tokens";

describe("numbers and tokens", () => {
  it("writes three figures, a real minus, and no sign on zero", () => {
    expect(signed(6.774888)).toBe("+6.77");
    expect(signed(-5.485284)).toBe("−5.49");
    expect(signed(0.91602)).toBe("+0.916");
    expect(signed(11.4289)).toBe("+11.4");
    expect(signed(123.4)).toBe("+123");
    expect(signed(0)).toBe("0.000");
    expect(signed(-0.0001)).toBe("0.000");
    expect(signed(null)).toBe("undefined");
    expect(plainNumber(Number.NaN)).toBe("undefined");
  });

  it("is never finer than the noise floor", () => {
    expect(signed(6.774888, 0.0625)).toBe("+6.8");
    expect(signed(6.774888, 7.6e-6)).toBe("+6.77");
    expect(plainNumber(0.4567, 0.5)).toBe("0");
  });

  it("writes ranks whole, probabilities and distances without a sign", () => {
    const metric = (unit: string, lower_is_better: boolean) => ({
      unit,
      lower_is_better,
      noise_floor: 0,
    });
    expect(metricNumber(14, metric("rank", true))).toBe("14");
    expect(metricNumber(0.9229, metric("probability", false))).toBe("0.923");
    expect(metricNumber(5.2113, metric("nats", true))).toBe("5.21");
    expect(metricNumber(6.1196, metric("logits", false))).toBe("+6.12");
    expect(effectNumber(-13, metric("rank", true))).toBe("−13");
    expect(effectNumber(-5.1554, metric("nats", true))).toBe("−5.16");
  });

  it("writes shares, and 100 % only where it is", () => {
    expect(percent(0.5838)).toBe("58 %");
    expect(percent(-0.0613)).toBe("−6.1 %");
    expect(percent(0.9993)).toBe("99.9 %");
    expect(percent(1)).toBe("100 %");
    expect(percent(0.0001)).toBe("0 %");
    expect(percent(-0.0001)).toBe("0 %");
    expect(probability(0.9229)).toBe("92.3 %");
    expect(probability(0.0001)).toBe("< 0.1 %");
    expect(probability(0)).toBe("0.0 %");
  });

  it("makes spaces and line ends visible, and keeps markup as text", () => {
    expect(tokenText(" Mary")).toBe("␣Mary");
    expect(tokenText("\n\t")).toBe("⏎⇥");
    expect(tokenText("")).toBe("∅");
    expect(tokenText("<b>")).toBe("<b>");
    expect(shortToken("a".repeat(30), 9)).toBe("aaaa…aaaa");
    expect(listed(["a", "b", "c"])).toBe("a, b and c");
  });
});

it.each([
  [1.001, "100 %"],
  [-0.996, "−100 %"],
  [0.584, "58 %"],
])("a share without tenths: %f", (share, text) => {
  expect(percentWhole(share)).toBe(text);
});
