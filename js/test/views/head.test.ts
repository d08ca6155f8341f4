import { beforeEach, describe, expect, it, vi } from "vitest";
import { huge, long, smollm } from "../fixtures/worlds";
import { violations } from "../support/axe";
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

describe("the panel of a head", () => {
  beforeEach(() => page.showMaps(smollm()));

  it("waits for a head, and then follows the focus", () => {
    const tab = page.get<HTMLButtonElement>('[data-tab="head"]');
    expect(tab.disabled).toBe(true);
    open("L20.H0");
    expect(tab.disabled).toBe(false);
    expect(page.get(".head-panel").dataset.head).toBe("L20.H0");
    page.cell("L20.H0").focus();
    page.press(page.cell("L20.H0"), "ArrowDown");
    settle();
    expect(page.get(".head-panel").dataset.head).toBe("L20.H1");
    page.press(page.cell("L20.H1"), "End");
    page.press(page.cell("L29.H1"), "ArrowDown");
    settle();
    expect(page.get(".head-panel").dataset.head).toBe("L29.H2");
  });

  it("follows the map of heads too, and keeps its head over other boxes", () => {
    open("L20.H0");
    page.mapCell("heads", "L5.H2").dispatchEvent(new FocusEvent("focusin", { bubbles: true }));
    settle();
    expect(page.get(".head-panel").dataset.head).toBe("L5.H2");
    page.click(page.cell("L20.mlp_out"));
    settle();
    expect(page.get(".head-panel").dataset.head).toBe("L5.H2");
  });

  it("asks for everything that the answer depends on, only while it is open", () => {
    page.click(page.cell("L23.H3"));
    settle();
    expect(page.sent("head")).toEqual([]);
    page.press(page.cell("L23.H3"), "h");
    settle();
    expect(page.sent("head")).toEqual([
      {
        ...{
          v: 1,
          kind: "head",
          id: expect.any(Number),
          head: "L23.H3",
          position: 13,
          whole: false,
        },
        ...{ patches: [{ site: "L23.H3", source: "source" }], direction: "denoise" },
        ...{ metric: "logit_diff", pair: "mean" },
      },
    ]);
    expect(page.sent("senders")).toHaveLength(1);
    expect(page.get(".head-panel").dataset.known).toBe("");
  });

  it("asks for the last of several heads, and never twice for the same", () => {
    open("L20.H0");
    for (const site of ["L21.H0", "L22.H0", "L23.H0"]) page.click(page.cell(site));
    settle();
    expect(page.sent("head").map((m) => m.head)).toEqual(["L20.H0", "L23.H0"]);
    page.click(page.cell("L20.H0"));
    settle();
    expect(page.sent("head").map((m) => m.head)).toEqual(["L20.H0", "L23.H0"]);
    page.press(page.cell("L20.H0"), "n");
    settle();
    expect(page.sent("head").at(-1)).toMatchObject({ head: "L20.H0", direction: "noise" });
    expect(page.sent("senders").at(-1)).toMatchObject({ direction: "noise" });
  });

  it("shows the row of the last token, then of the chosen one, with all digits", () => {
    open();
    expect(page.all(".key-row")).toHaveLength(14);
    const { clean, patched, corrupted } = row(9).dataset;
    for (const text of [clean, patched, corrupted]) expect(Number(text)).toBeGreaterThan(0);
    expect(row(9).textContent).toContain("␣John");
    expect(row(9).textContent).toContain("␣Mary");
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    expect(page.get(".head-panel").className).toContain("stale");
    settle();
    expect(page.get(".head-panel").className).not.toContain("stale");
    expect(page.sent("head").at(-1)).toMatchObject({ position: 9 });
    expect(page.all(".key-row")).toHaveLength(10);
    expect(page.text(".head-part.attention h4")).toContain("from @9");
  });

  it("has two runs while nothing is patched", () => {
    page.press(page.cell("L23.H3"), "h");
    page.cell("L23.H3").focus();
    settle();
    expect(row(9).querySelectorAll(".key-bars i")).toHaveLength(2);
    expect(page.all("[data-written]").map((e) => e.dataset.written)).toEqual([
      "clean",
      "corrupted",
    ]);
  });

  it("lights a token wherever it stands", () => {
    open();
    row(9).dispatchEvent(new PointerEvent("pointerenter"));
    expect(page.all('[data-token="9"].hovered')).toHaveLength(3);
    expect(page.text(".about")).toMatch(/^L23\.H3 @13 ␣to → @9 ␣John · clean \d/);
    row(9).dispatchEvent(new PointerEvent("pointerleave"));
    expect(page.all(".hovered")).toHaveLength(0);
    page.get('[data-run="clean"] [data-token="2"]').dispatchEvent(new PointerEvent("pointerenter"));
    expect(row(2).classList.contains("hovered")).toBe(true);
  });

  it("names the strongest senders of each part, with their numbers", () => {
    open();
    const receiver = () => page.get("[data-receiver]").dataset.receiver;
    expect(receiver()).toBe("L23.H3.q");
    const effects = page.all(".sender").map((e) => Math.abs(Number(e.dataset.effect)));
    expect(effects).toEqual([...effects].sort((a, b) => b - a));
    page.click(page.get('[data-part="v"]'));
    expect(receiver()).toBe("L23.H3.v");
    expect(page.get('[data-effect-of="total"]').dataset.effect).toBeDefined();
    expect(page.get('[data-effect-of="direct"]').dataset.effect).toBeDefined();
    const [sender] = page.all(".sender");
    if (sender === undefined) throw new Error("no sender");
    page.click(sender);
    const site = `${sender.dataset.sender}->L23.H3.v`;
    expect(patches()).toEqual([{ site, source: "source" }]);
    settle();
    // A path has no patched run whose attention could be read.
    expect(page.sent("head").at(-1)).toMatchObject({ head: "L23.H3", patches: [] });
    expect(page.all("[data-written]")).toHaveLength(2);
  });

  it("lists what the head writes in each run", () => {
    open();
    const runs = page.all("[data-written]").map((e) => e.dataset.written);
    expect(runs).toEqual(["clean", "patched", "corrupted"]);
    expect(page.all('[data-written="clean"] .up tr')).toHaveLength(5);
    expect(page.all('[data-written="clean"] .down tr')).toHaveLength(5);
    expect(page.get('[data-written="clean"] .says-answer').dataset.token).toBe(" Mary");
  });

  it("has all queries on demand, on axes that the runs share", () => {
    open();
    page.click(page.get(".whole-switch"));
    settle();
    expect(page.sent("head").at(-1)).toMatchObject({ whole: true });
    const names = page.all("[data-pattern]").map((e) => e.dataset.pattern);
    expect(names).toEqual(["clean", "patched", "corrupted", "difference"]);
    const square = page.get('[data-pattern="clean"] .square');
    // The test's page is 1300 × 700 wherever it is measured: query 11 of 14, key 9.
    const at = { clientX: (1300 * 9.5) / 14, clientY: (700 * 11.5) / 14 };
    square.dispatchEvent(new PointerEvent("pointermove", at));
    expect(page.text(".about")).toMatch(/^L23\.H3 @11 ␣a → @9 ␣John/);
    page.click(square, at);
    expect(patches()).toEqual([{ site: "L23.H3.pattern@11", source: { kind: "cut", keys: [9] } }]);
  });

  it.each(["light", "dark"])("has nothing that axe calls serious (%s)", async (theme) => {
    document.body.setAttribute("data-jp-theme-light", String(theme === "light"));
    open();
    page.press(page.cell("L23.H3"), "t");
    settle();
    vi.useRealTimers();
    expect(await violations(page.el)).toEqual([]);
  });
});

describe("other prompts and models", () => {
  it("folds keys with little attention, and shows them on demand", () => {
    page.showMaps(long());
    open("L3.H1");
    const folded = page.all(".key-row.folded");
    expect(folded.length).toBeGreaterThan(0);
    expect(page.all(".key-row").length).toBeLessThan(40);
    const [first] = folded;
    if (first !== undefined) page.click(first);
    expect(page.all(".key-row.folded")).toHaveLength(0);
  });

  it("waits for a click where very many paths lead into a head", () => {
    page.showMaps(huge());
    page.press(page.cell("L0.H3"), "End");
    page.press(page.cell("L79.H3"), "h");
    settle();
    expect(page.sent("senders")).toHaveLength(0);
    page.click(page.get(".feeds button"));
    settle();
    expect(page.sent("senders")).toHaveLength(1);
  });
});
