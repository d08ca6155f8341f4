import { expect, it, vi } from "vitest";
import { serve } from "../fixtures/kernel";
import { tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const open = () => page.click(page.get(".toolbar [data-panel=export]"));

it("is asked of Python when its panel opens, and again for another selection", () => {
  serve(page.model, tiny());
  page.show();
  page.press(page.cell("L1.H2"), "Enter");
  expect(page.sent("code")).toEqual([]);
  open();
  expect(page.sent("code")).toHaveLength(1);
  expect(page.sent("code")[0]).toMatchObject({
    patches: [{ site: "L1.H2", source: "source" }],
    direction: "denoise",
    metric: "logit_diff",
  });
  expect(page.text("pre")).toBe('r = exp.patch("L1.H2")');
  page.press(page.cell("L2.H1"), "Enter");
  expect(page.text("pre")).toBe('r = exp.patch("L2.H1")');
  expect(page.sent("code")).toHaveLength(2);
});

it("waits for the lines, and shows none that belong to an earlier selection", () => {
  serve(page.model, tiny(), 200);
  page.show();
  open();
  const copy = page.get<HTMLButtonElement>(".panel.export .copy-code");
  expect(page.text("pre")).toBe("Waiting for Python to write the lines …");
  expect(copy.disabled).toBe(true);
  vi.advanceTimersByTime(100);
  page.press(page.cell("L1.H2"), "Enter");
  vi.advanceTimersByTime(120);
  expect(page.text("pre")).toBe("Waiting for Python to write the lines …");
  vi.advanceTimersByTime(200);
  expect(page.text("pre")).toBe('r = exp.patch("L1.H2")');
  expect(copy.disabled).toBe(false);
});
