import { beforeEach, describe, expect, it, vi } from "vitest";
import { apart, fewNames } from "../fixtures/datasets";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const words = (lane: string) =>
  page.all(`[data-run="${lane}"] .token-row button`).map((each) => each.textContent ?? "");

const shownPair = () => page.get(".stepper").dataset.pair;

const next = () => page.click(page.get('.stepper [aria-label="next pair"]'));

const settle = () => vi.advanceTimersByTime(600);

/** The middle of a pair's dot, for the pointer. The dots lie in a box of the size that the fixture gives every box. */
function at(pair: number): { clientX: number; clientY: number } {
  const { left, top } = page.get<HTMLElement>(`.pair-dots [data-pair="${pair}"]`).style;
  const box = page.get(".pair-dots").getBoundingClientRect();
  return {
    clientX: box.left + (Number.parseFloat(left) / 100) * box.width,
    clientY: box.top + Number.parseFloat(top) + 2.5,
  };
}

describe("a dataset", () => {
  beforeEach(() => {
    page.showMaps(fewNames());
    page.click(page.cell("L2.H1"));
    settle();
  });

  it("shows the mean without a word that the pairs do not share", () => {
    expect(shownPair()).toBe("mean");
    expect(words("clean").slice(0, 6)).toEqual(["When", "@1", "␣and", "@3", "␣went", "␣to"]);
    expect(words("patched")[9]).toBe("S2");
    expect(page.get('[data-run="clean"] [data-token="9"]').className).toContain("varied");
    expect(page.get('[data-run="clean"] [data-token="1"]').getAttribute("aria-label")).toBe(
      "position 1 of 14, @1: no common word",
    );
    expect(page.text(".finding")).toMatch(/^Over all 32 pairs, L2\.H1 restores \d\d % [^.]*\.$/);
    expect(page.text('[data-run="clean"] .gutter p')).toBe("source, mean of 32");
    expect(page.text(".chart.positions .labels")).not.toContain("Mary");
  });

  it("switches every number, word and map together", () => {
    const before = page.mapCell("heads", "L2.H1").getAttribute("fill");
    const mean = page.result()?.recovery;
    next();
    settle();
    expect(shownPair()).toBe("0");
    expect(page.result()?.pair).toBe("0");
    expect(page.result()?.recovery).not.toBe(mean);
    const own = page.get<HTMLElement>('.pair-dots [data-pair="0"]').dataset.recovery;
    expect(page.result()?.recovery).toBe(own);
    expect(words("clean").slice(0, 4)).toEqual(["When", "␣Mary", "␣and", "␣John"]);
    expect(page.text(".finding")).toMatch(
      /^In pair 1, L2\.H1 restores .* puts ␣Mary back on top\.$/,
    );
    expect(page.text('[data-run="patched"] .out .mono')).toBe("␣Mary");
    expect(page.mapCell("heads", "L2.H1").getAttribute("fill")).not.toBe(before);
    expect(page.sent("sweep").at(-1)).toMatchObject({ pair: 0 });
    next();
    settle();
    expect(words("clean")[1]).toBe("␣John");
    expect(page.text(".spoken")).toContain("In pair 2,");
  });

  it("asks for the maps of a pair in the same breath, once", () => {
    const asked = page.sent("sweep").length;
    next();
    expect(page.sent("sweep").length).toBe(asked + 1);
    settle();
    expect(page.sent("sweep").length).toBe(asked + 1);
  });

  it("goes back to the pair that was shown before the mean, and ends at the last one", () => {
    next();
    next();
    page.click(page.get(".stepper .mean"));
    expect(shownPair()).toBe("mean");
    expect(page.text(".stepper .one")).toBe("pair 2 of 32");
    page.click(page.get(".stepper .one"));
    expect(shownPair()).toBe("1");
    page.click(page.get(".pair-dots"), at(31));
    const asked = page.sent("patch").length;
    next();
    expect(page.sent("patch").length).toBe(asked);
    expect(page.get('.stepper [aria-label="next pair"]').getAttribute("aria-disabled")).toBe(
      "true",
    );
  });

  it("has a dot for each pair; the pointer previews it and a click shows it", () => {
    const dots = page.all(".pair-dots .dot");
    expect(dots.length).toBe(32);
    const moved = new PointerEvent("pointermove", { bubbles: true, ...at(4) });
    page.get(".pair-dots").dispatchEvent(moved);
    expect(page.text(".readout .about")).toMatch(
      /^pair 5 of 32 · recovery 0\.\d+, effect \+\d.* · … When Paul and \w+ .*drink to → ␣Paul, not ␣/,
    );
    expect(shownPair()).toBe("mean");
    page.click(page.get(".pair-dots"), at(4));
    expect(shownPair()).toBe("4");
    expect(page.get('.pair-dots [data-pair="4"]').className).toContain("on");
    expect(page.get(".pair-dots").getAttribute("aria-label")).toMatch(
      /^Recovery of 32 of 32 pairs, 0\.\d+ to 0\.\d+; mean 0\.\d+, 95 % interval 0\.\d+ to 0\.\d+$/,
    );
  });

  it("can be done from the keyboard", () => {
    const cell = page.cell("L2.H1");
    page.press(cell, ".");
    page.press(cell, ".");
    expect(shownPair()).toBe("1");
    page.press(cell, ",");
    expect(shownPair()).toBe("0");
    page.press(cell, "m");
    expect(shownPair()).toBe("mean");
  });

  it("takes a look at another pair for no step: undo takes back the patch before", () => {
    page.click(page.cell("L1.H2"));
    next();
    next();
    page.click(page.get('[aria-label="undo"]'));
    expect(page.result()?.site).toBe("L2.H1");
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L2.H1" }] });
  });

  it("has the numbers of the shown pair in the history too", () => {
    page.click(page.cell("L1.H2"));
    page.click(page.all('[role="tab"]').find((tab) => tab.textContent === "History") ?? page.el);
    const shares = () => page.all(".hrow .num").map((each) => each.textContent);
    const mean = shares();
    next();
    expect(shares().length).toBe(2);
    expect(shares()[1]).not.toBe(mean[1]);
  });

  it("is seen as it was when the notebook is opened again", () => {
    next();
    settle();
    const before = [words("clean"), page.text(".finding"), page.result()?.recovery?.slice(0, 6)];
    page.reopen();
    expect([words("clean"), page.text(".finding"), page.result()?.recovery?.slice(0, 6)]).toEqual(
      before,
    );
    expect(page.all(".pair-dots .dot").length).toBe(32);
  });

  it("has a name for everything", async () => {
    vi.useRealTimers();
    expect(await violations(page.el)).toEqual([]);
  });
});

describe("a dataset whose prompts have unequal lengths", () => {
  beforeEach(() => page.showMaps(apart()));

  it("shows named positions and the last one, and patches at the name", () => {
    expect(words("clean")).toEqual(["S2", "␣to"]);
    page.click(page.get('[data-run="clean"] [data-token="0"]'));
    expect(page.get(".where").textContent).toBe("@S2");
    page.click(page.cell("L1.H2"));
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L1.H2@S2" }] });
    page.click(page.get('[data-run="clean"] [data-token="1"]'));
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L1.H2@-1" }] });
  });

  it("says why there is no map over positions", () => {
    expect(page.text(".chart.positions .none")).toContain(
      "The pairs have 14 to 15 tokens, so their positions do not correspond.",
    );
  });

  it("shows a pair with all its words", () => {
    page.press(page.cell("L1.H2"), ".");
    page.press(page.cell("L1.H2"), ".");
    expect(words("clean").slice(0, 3)).toEqual(["So", "␣When", "␣John"]);
  });
});

it("has no stepper for a task of one pair", () => {
  page.showMaps(fewNames(1));
  expect(page.all(".stepper, .pair-dots").length).toBe(0);
});
