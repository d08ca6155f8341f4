import { expect, it } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

it("needs no <style> element, and sets what it computes", () => {
  page.showMaps(smollm());
  page.click(page.cell("L23.H3"));
  expect(document.querySelectorAll("style")).toHaveLength(0);
  expect(page.all("style")).toHaveLength(0);
  expect(page.get(".knob").style.left).toMatch(/^\d+(\.\d+)?%$/);
});

it("keeps its sheet to itself: each view has it in its own shadow root, the page never", () => {
  serve(page.model, smollm());
  page.show();
  page.show();
  const sheets = [...page.place.children].map((host) => host.shadowRoot?.adoptedStyleSheets);
  expect(sheets.map((adopted) => adopted?.length)).toEqual([1, 1]);
  expect(sheets[0]?.[0]).toBe(sheets[1]?.[0]);
  expect(document.adoptedStyleSheets).toHaveLength(0);
});

it("has no id and no class that the page could style or find", () => {
  page.showMaps(smollm());
  page.click(page.get('[data-direction="noise"]'));
  expect(document.querySelectorAll(".toolbar, .code, [id], [data-site]")).toHaveLength(0);
  expect(page.all(".toolbar")).not.toHaveLength(0);
});
