import { expect, it, vi } from "vitest";
import { NOT_RECORDED } from "../../src/comm/recorded";
import { serve } from "../fixtures/kernel";
import { tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const SAID = "It was not computed before this page was saved. In Python: exp.explore()";

/** A page that knows what the kernel knows, but for these kinds and for paths. */
function showSaved(...unknown: string[]): void {
  page.model.saved = true;
  page.showMaps(tiny());
  const { answer } = page.model;
  page.model.answer = (message) => {
    const sites = (message.patches ?? []) as { site: string }[];
    const refused = unknown.includes(message.kind) || sites.some(({ site }) => site.includes("->"));
    if (!refused) answer?.(message);
    else
      page.model.receive({
        v: 1,
        kind: "error",
        id: message.id,
        code: NOT_RECORDED,
        message: SAID,
        details: "lines",
      });
  };
}

it("draws no path that it has no numbers of", () => {
  showSaved();
  page.click(page.cell("L0.H1"));
  const [finding, arrow] = [page.text(".finding"), page.get(".patch-arrow").getAttribute("d")];
  page.click(page.get('[data-mode="path"]'));
  page.click(page.cell("L0.H1"));
  page.click(page.cell("L2.H3"));
  page.click(page.get('[data-receiver="L2.H3.q"]'));
  expect(page.text(".status")).toContain(SAID);
  expect(page.text(".finding")).toBe(finding);
  expect(page.all(".patch-arrow").map((each) => each.getAttribute("d"))).toEqual([arrow]);
  expect(page.all("[data-path]")).toHaveLength(0);
  expect(page.text(".path-step")).toContain("L0.H1 → now choose what receives it");
});

it("says nothing of a model, and copies the lines", () => {
  showSaved("patch");
  page.click(page.cell("L0.H1"));
  expect(page.text(".status")).not.toContain("unchanged");
  expect(page.text(".status")).not.toContain("failed");
  expect(page.all(".status button").map((button) => button.textContent)).toEqual([
    "Copy as Python",
    "Dismiss",
  ]);
});

it("has no pencils, and answers W at once", () => {
  showSaved();
  expect(page.all(".pencil")).toHaveLength(0);
  page.press(page.cell("L0.H1"), "w");
  expect(page.all(".editor")).toHaveLength(0);
  expect(page.text(".status")).toBe(
    "New prompts need Python: exp = pw.Experiment(model, pw.Task(clean, corrupted, answer, foil))",
  );
});

it.each([false, true])("asks again only where it can help: saved is %s", (saved) => {
  showSaved("neurons", "lens", "head");
  page.dispose();
  page.model.saved = saved;
  page.show();
  vi.advanceTimersByTime(600);
  page.press(page.cell("L0.H1"), "t");
  vi.advanceTimersByTime(600);
  expect(page.text(".lens-line")).toContain("not computed");
  expect(page.text(".lens-line").includes("Ask again")).toBe(!saved);
  page.click(page.all('[role="tab"]').find((tab) => tab.textContent === "Neurons") ?? page.el);
  vi.advanceTimersByTime(600);
  expect(page.text(".none")).toContain("No neurons");
  expect(page.text(".none").includes("Try again")).toBe(!saved);
});

it("explains the direction that it was turned to while the pointer rests on ⇄", () => {
  serve(page.model, tiny());
  page.show();
  const swap = page.get(".swap");
  swap.dispatchEvent(new MouseEvent("pointerover", { bubbles: true }));
  expect(page.text(".readout")).toContain("Denoise: clean values go into the corrupted run");
  page.click(swap);
  expect(page.text(".readout")).toContain("Noise: corrupted values go into the clean run");
});
