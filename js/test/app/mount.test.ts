import { describe, expect, it } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm, tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("one's own traits", () => {
  it("show a selection made in Python as on its way", () => {
    serve(page.model, tiny());
    page.show();
    page.model.set("selection", ["L2.H1"]);
    expect(page.get('[data-run="patched"] .ring.pending')).toBeDefined();
    expect(page.model.sent.filter((m) => m.kind === "patch")).toHaveLength(0);
  });

  it("take a position made in Python for the next click", () => {
    serve(page.model, tiny());
    page.show();
    page.model.set("position", "S2");
    page.click(page.cell("L1.H1"));
    expect(page.model.last()).toMatchObject({ patches: [{ site: "L1.H1@S2" }] });
  });
});

describe("a reactive notebook", () => {
  it("is told of each answer to a click, so that marimo runs the cells that read the widget", () => {
    serve(page.model, tiny());
    page.show();
    expect(page.model.saves).toBe(0);
    page.click(page.cell("L1.H1"));
    expect(page.model.saves).toBe(1);
  });

  it("is told of a position that was chosen while nothing is patched, and once of a click that changes it", async () => {
    serve(page.model, tiny());
    page.show();
    page.model.set("position", 2);
    await Promise.resolve();
    expect(page.model.saves).toBe(1);
    const deliver = page.model.receive.bind(page.model);
    page.model.receive = (message, buffers) => {
      if ((message as { kind?: string }).kind === "result") page.model.set("position", 1);
      deliver(message, buffers);
    };
    page.click(page.cell("L1.H1"));
    await Promise.resolve();
    expect(page.model.saves).toBe(2);
  });

  it("is not told in Jupyter, where no cell waits for it", () => {
    page.model.widget_manager = { kernel: { status: "idle" } };
    serve(page.model, tiny());
    page.show();
    page.click(page.cell("L1.H1"));
    expect(page.model.saves).toBe(0);
  });
});

it("leaves no listener, no element and no id behind", () => {
  serve(page.model, smollm());
  page.show();
  const ids = page.all("[id]").map((e) => e.id);
  expect(new Set(ids).size).toBe(ids.length);
  page.dispose();
  expect(page.place.childElementCount).toBe(0);
  expect([...page.model.handlers.values()].every((all) => all.size === 0)).toBe(true);
});
