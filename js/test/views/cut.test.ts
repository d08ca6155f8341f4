import { beforeEach, describe, expect, it, vi } from "vitest";
import { smollm } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

/** Longer than the page stands still before it asks. */
const settle = () => vi.advanceTimersByTime(200);

const open = (site = "L23.H3") => {
  page.click(page.cell(site));
  page.press(page.cell(site), "h");
  settle();
};

const row = (key: number) => page.get<HTMLButtonElement>(`.key-row[data-key="${key}"]`);

const patches = () => page.sent("patch").at(-1)?.patches;

const CUT_9 = [{ site: "L23.H3.pattern@-1", source: { kind: "cut", keys: [9] } }];

describe("cutting an edge", () => {
  beforeEach(() => {
    page.showMaps(smollm());
    open();
  });

  it("is a patch like any other: one click, its sentence, undo, redo, history", () => {
    page.click(row(9));
    expect(patches()).toEqual(CUT_9);
    expect(page.result()?.site).toBe("L23.H3.pattern@-1");
    expect(page.text(".finding")).toMatch(/^Cutting L23\.H3 @-1 → @9 /);
    expect(page.text(".caption")).toMatch(/^The corrupted run no longer reads L23\.H3 @-1 → @9;/);
    expect(page.text('[data-run="patched"] .gutter')).toContain("without L23.H3 @-1 → @9");
    page.press(page.cell("L23.H3"), "z");
    expect(page.result()?.site).toBe("L23.H3");
    page.press(page.cell("L23.H3"), "Z", { shiftKey: true });
    expect(patches()).toEqual(CUT_9);
    page.click(page.get('[data-tab="history"]'));
    expect(page.text(".hrow")).toContain("L23.H3 @-1 → @9");
  });

  it("asks for the head again, under the cut", () => {
    page.click(row(9));
    settle();
    expect(page.sent("head").at(-1)).toMatchObject({ patches: CUT_9 });
  });

  it("gathers the keys of one query in one patch, beside other patches", () => {
    page.click(row(9), { shiftKey: true });
    expect(patches()).toEqual([{ site: "L23.H3", source: "source" }, ...CUT_9]);
    page.click(row(2), { shiftKey: true });
    expect(patches()).toEqual([
      { site: "L23.H3", source: "source" },
      { site: "L23.H3.pattern@-1", source: { kind: "cut", keys: [9, 2] } },
    ]);
    page.click(row(9), { shiftKey: true });
    page.click(row(2), { shiftKey: true });
    expect(patches()).toEqual([{ site: "L23.H3", source: "source" }]);
  });

  it("stays where it is when another query is looked at", () => {
    page.click(row(9));
    const before = page.sent("patch").length;
    expect(page.text(".where")).toBe("all positions");
    page.press(page.cell("L23.H3"), "[");
    page.press(page.cell("L23.H3"), "[");
    settle();
    expect(page.sent("patch")).toHaveLength(before);
    expect(page.sent("head").at(-1)).toMatchObject({ position: 12, patches: CUT_9 });
  });

  it("keeps the focus on the row, whose old numbers stay until the new ones", () => {
    row(9).focus();
    page.click(row(9));
    expect(page.get(".head-panel").className).toContain("stale");
    expect(page.focused).toBe(row(9));
    settle();
    expect(page.get(".head-panel").className).not.toContain("stale");
    expect(page.focused).toBe(row(9));
  });

  it("draws no arrow, since it takes no value from a run", () => {
    page.click(row(9));
    expect(page.all(".patch-arrow")).toHaveLength(0);
    expect(page.all('[data-run="patched"] .ring.part')).not.toHaveLength(0);
  });

  it("is reached by the keyboard alone", () => {
    page.get(".key-row").focus();
    page.press(page.get(".key-row"), "End");
    expect(page.focused).toBe(row(13));
    page.press(row(13), "ArrowUp");
    expect(page.focused).toBe(row(12));
    expect(page.all('.key-rows [tabindex="0"]')).toHaveLength(1);
    expect(page.text(".about")).toContain("→ @12 ␣drink");
  });
});
