import { describe, expect, it, vi } from "vitest";
import { tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

/** The kernel takes what is asked, and answers no patch. */
function silence(): void {
  const { answer } = page.model;
  page.model.answer = (message) => {
    if (message.kind !== "patch") answer?.(message);
  };
}

function show(fill = 1): { readonly answer: typeof page.model.answer } {
  page.showMaps(tiny(), fill);
  const { answer } = page.model;
  silence();
  return { answer };
}

describe("a patch that a map knows", () => {
  it("has its numbers before the kernel answers, and the same ones after", () => {
    const { answer } = show();
    page.click(page.cell("L2.H1"));
    expect(page.get(".answer").dataset.foretold).toBe("L2.H1");
    expect(page.result()).toBeUndefined();
    const early = [page.text(".stats"), page.text(".knob-value")];
    expect(early[0]).toMatch(/^\+8\.24 ?effect ?0\.71/);
    expect(page.text(".finding")).toContain("L2.H1 restores 71 % of the difference");
    expect(page.text(".finding")).not.toContain("on top");
    page.model.answer = answer;
    page.model.answer?.(page.sent("patch").at(-1) ?? { kind: "patch", id: 0 });
    vi.advanceTimersByTime(100);
    expect(page.result()?.site).toBe("L2.H1");
    expect(page.get(".answer").dataset.foretold).toBeUndefined();
    expect([page.text(".stats"), page.text(".knob-value")]).toEqual(early);
  });

  it("is not confused with another scope, several sites or a path", () => {
    show();
    page.click(page.cell("L2.H1"));
    page.click(page.cell("L1.H2"), { shiftKey: true });
    expect(page.get(".answer").dataset.foretold).toBeUndefined();
    expect(page.get(".answer").className).toContain("waiting");
  });

  it("has none where the map is not filled there", () => {
    show(0);
    page.click(page.cell("L2.H1"));
    expect(page.get(".answer").dataset.foretold).toBeUndefined();
  });

  it("turns with the direction: of the clean run is lost what the corrupted one gains", () => {
    page.showMaps(tiny());
    page.press(page.cell("L2.H1"), "n");
    vi.advanceTimersByTime(600);
    silence();
    page.click(page.cell("L2.H1"));
    const [effect, recovery] = [...page.all(".stats b")].map((each) =>
      Number((each.textContent ?? "").replace("−", "-")),
    );
    const clean = 6.1196;
    const between = clean + 5.4853;
    expect(page.get(".answer").dataset.foretold).toBe("L2.H1");
    expect(recovery).toBeCloseTo(1 + (effect ?? 0) / between, 2);
  });
});
