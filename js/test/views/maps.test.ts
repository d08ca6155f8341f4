import { describe, expect, it, vi } from "vitest";
import { replay } from "../fixtures/recorded";
import { early, smollm, tiny } from "../fixtures/worlds";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("what a map shows", () => {
  it("has every cell once, exact zeros as dots, and says that they cost nothing", () => {
    page.showMaps(smollm());
    expect(page.all('[data-map="heads"] [data-site]')).toHaveLength(270);
    expect(page.all('[data-map="positions"] [data-site]')).toHaveLength(420);
    expect(page.all('[data-map="positions"] .mcell.zero')).toHaveLength(270);
    expect(page.mapNote("heads")).toBe("Exact: 270 of 270.");
    expect(page.mapNote("positions")).toBe(
      "Exact: 420 of 420. 270 cells exactly 0, nothing to compute.",
    );
    expect(page.mapCell("heads", "L23.H3").getAttribute("aria-label")).toBe("L23.H3, 58 %");
    expect(page.mapCell("positions", "L3.resid_pre@4").getAttribute("aria-label")).toBe(
      "L3.resid_pre@4, exactly 0",
    );
  });

  it("turns the colours round with the direction: blue is always towards clean", () => {
    page.showMaps(tiny());
    const blue = page.mapCell("heads", "L2.H1").getAttribute("fill");
    page.click(page.get('[data-direction="noise"]'));
    vi.advanceTimersByTime(600);
    const orange = page.mapCell("heads", "L2.H1").getAttribute("fill");
    const channels = (fill: string | null) =>
      [1, 3, 5].map((i) => Number.parseInt(fill?.slice(i, i + 2) ?? "", 16));
    const [[r = 0, , b = 0], [r2 = 0, , b2 = 0]] = [channels(blue), channels(orange)];
    expect(b).toBeGreaterThan(r);
    expect(r2).toBeGreaterThan(b2);
  });

  it("says the range with its unit where it is not all of the difference, and marks the differing token", () => {
    page.showMaps(tiny());
    expect(page.text(".chart.heads .scale")).toBe("towards corrupted −100 % +100 % towards clean");
    page.choose('[aria-label="component of the map"]', "mlp_out");
    vi.advanceTimersByTime(600);
    expect(page.text(".chart.positions .scale")).toContain("range ±5 %");
    page.click(page.get("[data-value=effect]"));
    expect(page.text(".chart.positions .scale")).toContain("range ±0.580 logits");
    expect(page.text(".chart.heads .scale")).toBe(
      "towards corrupted −11.6 +11.6 towards clean (logits)",
    );
    expect(page.text(".chart.positions .name.differs")).toBe("␣Mary");
    expect(page.all(".chart.positions .tick")).toHaveLength(1);
  });

  it("prints in large cells what colours them, the share or the effect", () => {
    page.showMaps(tiny());
    const printed = () => page.all('[data-map="heads"] .inside').map((t) => t.textContent);
    expect(printed()).toContain("71 %");
    page.click(page.get("[data-value=effect]"));
    expect(printed()).toContain("+8.24");
    expect(page.mapCell("heads", "L2.H1").getAttribute("aria-label")).toBe("L2.H1, +8.24");
  });

  it("says at the ends of its colours what a cell there prints, in both directions", () => {
    page.showMaps(tiny());
    page.click(page.get('[data-direction="noise"]'));
    vi.advanceTimersByTime(600);
    expect(page.text(".chart.heads .scale")).toBe("towards corrupted +100 % −100 % towards clean");
    page.click(page.get("[data-value=effect]"));
    expect(page.text(".chart.heads .scale")).toContain("corrupted −11.6 +11.6 towards clean");
  });

  it("names its axes and says where its cells patch", () => {
    page.showMaps(tiny());
    expect(page.all(".chart.heads .axis-name").map((t) => t.textContent)).toEqual([
      "layer",
      "head",
    ]);
    expect(page.all(".chart.positions .axis-name").map((t) => t.textContent)).toEqual([
      "layer",
      "token",
    ]);
    expect(page.text(".chart.heads .scope")).toBe("at all positions");
  });

  it("says why there is nothing to see where both prompts give the same", () => {
    page.showMaps(smollm({ values: [6.12, 6.12] }));
    expect(page.text(".chart.heads .none")).toBe(
      "No recovery: both prompts give +6.12. Change a prompt, the answer or the metric.",
    );
  });

  it("paints many cells on a canvas, keeps the focused row for the keys, folds what is the same", () => {
    page.showMaps(early());
    expect(page.text(".folded")).toBe("9 identical tokens · exactly 0");
    expect(page.text(".chart.positions .name.differs")).toBe("␣Mary");
    const map = page.get('[data-map="positions"]');
    expect(map.querySelectorAll("canvas")).toHaveLength(1);
    expect(map.querySelectorAll("[data-site]")).toHaveLength(191);
    expect(map.querySelector("svg")?.getAttribute("aria-colcount")).toBe("200");
    page.press(page.mapCell("positions", "L0.resid_pre@9"), "ArrowDown");
    expect(page.focused).toBe(page.mapCell("positions", "L1.resid_pre@9"));
    expect(map.querySelectorAll("[data-site]")).toHaveLength(191);
  }, 20_000);
});

it("shows the numbers that Python really sent", () => {
  replay(page.model, 1);
  page.show();
  vi.advanceTimersByTime(600);
  const label = (map: string, site: string) => page.mapCell(map, site).getAttribute("aria-label");
  expect(label("heads", "L23.H3")).toBe("L23.H3, 58 %");
  expect(label("heads", "L24.H4")).toBe("L24.H4, −25 %");
  expect(label("positions", "L3.resid_pre@9")).toBe("L3.resid_pre@9, 100.3 %");
  expect(label("positions", "L21.resid_pre@-1")).toBe("L21.resid_pre@-1, 33 %");
  page.choose('[aria-label="component of the map"]', "mlp_out");
  vi.advanceTimersByTime(600);
  expect(label("positions", "L0.mlp_out@9")).toBe("L0.mlp_out@9, 99.9 %");
  expect(label("positions", "L20.mlp_out@-1")).toBe("L20.mlp_out@-1, −6.1 %");
  expect(page.mapNote("positions")).toBe(
    "Exact: 420 of 420. 274 cells exactly 0, nothing to compute.",
  );
});

function showMlps(): void {
  page.showMaps(tiny());
  page.choose('[aria-label="component of the map"]', "mlp_out");
  vi.advanceTimersByTime(600);
}

describe("using a map", () => {
  it("takes the keyboard to the cell that was clicked, also by its printed number", () => {
    page.showMaps(tiny());
    const number = page.get('[data-map="heads"] .inside');
    page.click(number, { clientX: Number(number.getAttribute("x")), clientY: 4 });
    const site = page.result()?.site ?? "";
    expect(site).toMatch(/^L0\.H/);
    expect(page.focused).toBe(page.mapCell("heads", site));
  });

  it("patches what its cell stands for, and adds with Shift", () => {
    showMlps();
    page.click(page.mapCell("heads", "L1.H2"));
    page.click(page.mapCell("positions", "L2.mlp_out@9"), { shiftKey: true });
    page.click(page.mapCell("positions", "L2.mlp_out@-1"), { shiftKey: true });
    expect(page.sent("patch").at(-1)).toMatchObject({
      patches: [{ site: "L1.H2" }, { site: "L2.mlp_out@9" }, { site: "L2.mlp_out@-1" }],
    });
    expect(page.mapCell("positions", "L2.mlp_out@9").getAttribute("aria-selected")).toBe("true");
    expect(page.all('[data-map="positions"] .ring.selected')).toHaveLength(2);
    expect(page.all('[data-map="heads"] .ring.selected')).toHaveLength(1);
    page.click(page.mapCell("positions", "L2.mlp_out@9"), { shiftKey: true });
    expect(page.sent("patch").at(-1)?.patches).toHaveLength(2);
  });

  it("shows a patch at all positions as a whole row", () => {
    showMlps();
    page.click(page.get('[data-run="patched"] [data-site="L2.mlp_out"]'));
    const row = page.get('[data-map="positions"] .ring.selected');
    expect(Number(row.getAttribute("width"))).toBeGreaterThan(400);
  });

  it("rings what is under the pointer in all lanes and maps, and reads it out", () => {
    showMlps();
    const over = (target: Element, type: string) =>
      target.dispatchEvent(new PointerEvent(type, { bubbles: true }));
    over(page.get('[data-run="patched"] [data-site="L2.H1"]'), "pointerover");
    expect(page.all(".ring.hover")).toHaveLength(4);
    over(page.mapCell("positions", "L3.mlp_out@9"), "pointermove");
    expect(page.all("[data-run] .ring.hover")).toHaveLength(3);
    expect(page.all("[data-map] .ring.hover")).toHaveLength(1);
    expect(page.all(".token.hovered")).toHaveLength(3);
    expect(page.text(".about")).toMatch(/^L3.mlp_out@9 · share −?\d.* %, effect [+−]\d/);
    over(page.mapCell("positions", "L3.mlp_out@2"), "pointermove");
    expect(page.text(".about")).toContain("exactly 0: before the first difference");
  });

  it("walks with the keys, patches with Enter, adds with Space", () => {
    showMlps();
    page.press(page.mapCell("heads", "L0.H0"), "ArrowRight");
    expect(page.focused).toBe(page.mapCell("heads", "L0.H1"));
    page.press(page.mapCell("heads", "L0.H1"), "ArrowDown");
    page.press(page.mapCell("heads", "L1.H1"), "End");
    expect(page.focused).toBe(page.mapCell("heads", "L1.H3"));
    page.press(page.mapCell("heads", "L1.H3"), "PageDown");
    expect(page.focused).toBe(page.mapCell("heads", "L3.H3"));
    page.press(page.mapCell("heads", "L3.H3"), "Enter");
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L3.H3" }] });
    page.press(page.mapCell("positions", "L1.mlp_out@9"), " ");
    expect(page.sent("patch").at(-1)?.patches).toHaveLength(2);
    expect(page.all('[data-map="heads"] [tabindex="0"]')).toHaveLength(1);
    expect(page.all('[data-run="patched"] [role] [tabindex="0"]')).toHaveLength(1);
  });
});

it("leaves the lanes' own cells to be found first, and passes axe", async () => {
  page.showMaps(tiny());
  expect(page.all('[data-run="patched"] [data-site="L1.H2"]')).toHaveLength(1);
  vi.useRealTimers();
  expect(await violations(page.el)).toEqual([]);
});
