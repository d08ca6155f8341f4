import { describe, expect, it } from "vitest";
import { tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("the layout", () => {
  it("is two maps and one column of tabs from 900 px", () => {
    page.showMaps(tiny());
    expect(page.all(".charts > *").map((e) => e.className)).toEqual([
      "chart positions",
      "chart heads",
      "tabbed",
    ]);
    expect(page.all('[role="tab"]').map((t) => t.textContent)).toEqual([
      "Tokens",
      "Reached",
      "Head",
      "Neurons",
      "Circuit",
      "History",
    ]);
  });

  it("has the tokens by logit or by probability", () => {
    page.showMaps(tiny());
    const first = () => page.text(".lrow .lbar.clean, .lrow .lbar span");
    expect(first()).toBe("17.1");
    page.click(page.get("[data-value=prob]"));
    expect(first()).toBe("90.8 %");
  });

  it("is tabs under 900 px, the positions first", () => {
    page.width = 700;
    page.showMaps(tiny());
    expect(page.all('[role="tab"]')).toHaveLength(8);
    expect(page.all("[data-map]")).toHaveLength(1);
    page.click(page.get('[role="tab"]:nth-child(2)'));
    expect(page.el.querySelector('[data-map="heads"]')).not.toBeNull();
  });
});
