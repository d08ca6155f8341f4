import { expect, it } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

it("needs no <style> element, and sets what it computes", () => {
  page.showMaps(smollm());
  page.click(page.cell("L23.H3"));
  expect(document.querySelectorAll("style")).toHaveLength(0);
  expect(page.get(".knob").style.left).toMatch(/^\d+(\.\d+)?%$/);
});

it("adopts one sheet for all views of a document, and takes it away with the last", () => {
  serve(page.model, smollm());
  page.show();
  const first = page.dispose;
  page.show();
  expect(document.adoptedStyleSheets).toHaveLength(1);
  first();
  expect(document.adoptedStyleSheets).toHaveLength(1);
  page.dispose();
  expect(document.adoptedStyleSheets).toHaveLength(0);
  page.show();
});

it("gives the sheet to the shadow root that the view stands in", () => {
  const host = document.createElement("div");
  document.body.append(host);
  const shadow = host.attachShadow({ mode: "open" });
  shadow.append(page.el);
  serve(page.model, smollm());
  page.show();
  expect(shadow.adoptedStyleSheets).toHaveLength(1);
  expect(document.adoptedStyleSheets).toHaveLength(0);
});
