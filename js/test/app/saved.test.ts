import { describe, expect, it, vi } from "vitest";
import { NOT_RECORDED } from "../../src/comm/recorded";
import type { PatchRequest } from "../../src/model/patch";
import {
  BOX_NEEDS_PYTHON,
  CIRCUITS_NEED_PYTHON,
  PATHS_NEED_PYTHON,
  savedStep,
} from "../../src/text/saved";
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

function type(sites: string): void {
  page.press(page.cell("L0.H1"), "/");
  page.get<HTMLInputElement>(".site-box input").value = sites;
  page.get(".site-box").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
}

it("draws no path that it has no numbers of", () => {
  showSaved();
  page.click(page.cell("L0.H1"));
  const [finding, arrow] = [page.text(".finding"), page.get(".patch-arrow").getAttribute("d")];
  type("L0.H1 -> L2.H3.q");
  expect(page.text(".status")).toContain(SAID);
  expect(page.text(".finding")).toBe(finding);
  expect(page.all(".patch-arrow").map((each) => each.getAttribute("d"))).toEqual([arrow]);
  expect(page.all("[data-path]")).toHaveLength(0);
});

it.each(["click", "e"])("makes no path by %s, and says why", (how) => {
  showSaved();
  const button = page.get('[data-mode="path"]');
  expect(button.getAttribute("aria-disabled")).toBe("true");
  if (how === "click") page.click(button);
  else page.press(page.cell("L0.H1"), how);
  expect(page.text(".status")).toBe(PATHS_NEED_PYTHON);
  expect(button.title).toBe(PATHS_NEED_PYTHON);
  expect(page.all(".path-step")).toHaveLength(0);
});

it("offers no circuits, and says why", () => {
  showSaved();
  page.click(page.cell("L0.H1"));
  page.press(page.cell("L0.H1"), "c");
  vi.advanceTimersByTime(600);
  expect(page.text(".circuit")).toContain(CIRCUITS_NEED_PYTHON);
  const buttons = page.all(".circuit button") as HTMLButtonElement[];
  expect(buttons.map((button) => [button.textContent?.split(" ")[0], button.disabled])).toEqual([
    ["Add", true],
    ["Copy", true],
    ["Draw", true],
  ]);
});

describe("with single boxes, of which heads have no positions", () => {
  const knows = ({ patches }: PatchRequest) =>
    patches.length === 1 && !/H\d@/.test(patches[0]?.site ?? "");

  function showRecorded(): void {
    page.model.knows = knows;
    showSaved();
  }

  it("invites to what it answers", () => {
    showRecorded();
    expect(page.text(".caption")).toMatch(
      /Click a token to patch attention or an MLP at one position\. Joint patches and paths need Python\.$/,
    );
  });

  it("shows which boxes it has", () => {
    showRecorded();
    const missing = () => page.all('[data-run="patched"] .missing').map((box) => box.dataset.site);
    expect(missing()).toEqual([]);
    page.click(page.all('[data-run="patched"] [data-token]')[0] ?? page.el);
    expect(missing()).toContain("L0.H1");
    expect(missing()).not.toContain("L0.mlp_out");
    expect(page.cell("L0.H1").getAttribute("aria-disabled")).toBe("true");
    expect(page.cell("L0.mlp_out").hasAttribute("aria-disabled")).toBe(false);
  });

  it.each([
    ["L0.mlp_out", "click to patch"],
    ["L0.H1", BOX_NEEDS_PYTHON],
  ])("says it of %s under the pointer", (site, said) => {
    showRecorded();
    page.click(page.all('[data-run="patched"] [data-token]')[0] ?? page.el);
    page.cell(site).dispatchEvent(new MouseEvent("pointerover", { bubbles: true }));
    expect(page.text(".readout")).toContain(said);
    expect(page.text(".readout")).not.toContain("Shift-click");
  });
});

it.each([
  [
    { boxes: false, positioned: [], kept: true },
    "Patches, other than those in History, need Python.",
  ],
  [
    { boxes: true, positioned: [], kept: false },
    "Single positions need Python. Joint patches and paths need Python.",
  ],
])("says what a page has: %o", (recorded, said) => {
  expect(savedStep(recorded)).toBe(said);
});

it("says in words that a map is missing", () => {
  showSaved();
  const { answer } = page.model;
  page.model.answer = (message) => {
    if (message.kind !== "sweep") answer?.(message);
    else
      for (const map of message.maps as object[])
        page.model.receive({
          ...{ v: 1, kind: "cells", id: message.id, ...map, field: message.field, pair: "mean" },
          ...{ direction: message.direction, metric: message.metric, seconds_left: 0 },
          ...{ shape: [0, 0], done: 0, total: 0, zero: 0, unpatchable: [], buffers: [] },
          reason: "This map needs Python",
        });
  };
  page.click(page.all('[data-run="patched"] [data-token]')[0] ?? page.el);
  vi.advanceTimersByTime(600);
  expect(page.text(".chart.heads .none")).toBe("This map needs Python.");
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
