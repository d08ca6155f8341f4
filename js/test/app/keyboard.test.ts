import { beforeEach, describe, expect, it, vi } from "vitest";
import { serve } from "../fixtures/kernel";
import { tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("keys", () => {
  beforeEach(() => {
    serve(page.model, tiny());
    page.show();
  });
  const focused = () =>
    page.el.querySelector('[role="grid"] [tabindex="0"]')?.getAttribute("data-site");

  it("walk layers and heads, one tab stop", () => {
    page.cell("L0.H0").focus();
    page.press(page.cell("L0.H0"), "ArrowRight");
    expect(focused()).toBe("L1.H0");
    page.press(page.cell("L1.H0"), "ArrowDown");
    expect(focused()).toBe("L1.H1");
    page.press(page.cell("L1.H1"), "End");
    expect(focused()).toBe("L3.H1");
    page.press(page.cell("L3.H1"), "Home");
    expect(focused()).toBe("L0.H1");
    expect(page.all('[role="grid"] [tabindex="0"]')).toHaveLength(1);
  });

  it("patch, toggle, extend, take everything but", () => {
    page.press(page.cell("L1.H2"), "Enter");
    expect(page.result()?.site).toBe("L1.H2");
    page.press(page.cell("L2.H1"), " ");
    expect(page.result()?.site).toBe("L1.H2 + L2.H1");
    page.press(page.cell("L2.H1"), "ArrowDown", { shiftKey: true });
    expect(page.result()?.site).toBe("L1.H2 + L2.H1 + L2.H2");
  });

  it("take everything but the selected set, in all layers, and back", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.press(page.cell("L2.H1"), " ");
    page.press(page.cell("L2.H1"), "i");
    expect(page.model.last().patches).toHaveLength(14);
    expect(page.result()?.site).not.toMatch(/L1\.H2|L2\.H1/);
    expect(page.text(".finding")).toMatch(/^All heads but L1\.H2 and L2\.H1 /);
    page.press(page.cell("L2.H1"), "i");
    expect(page.result()?.site).toBe("L1.H2 + L2.H1");
  });

  it("take everything but the focused cell where nothing is selected, and say where there is no rest", () => {
    page.press(page.cell("L1.mlp_out"), "i");
    expect(page.result()?.site).toBe("L0.mlp_out + L2.mlp_out + L3.mlp_out");
    expect(page.text(".finding")).toMatch(/^All MLPs but L1\.mlp_out /);
    page.press(page.cell("L1.resid_post"), "Enter");
    page.press(page.cell("L1.resid_post"), "i");
    expect(page.text(".status")).toContain("Everything but a residual stream");
  });

  it("step through positions, and what is patched goes with them", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.press(page.cell("L1.H2"), "]");
    expect(page.result()?.site).toBe("L1.H2@9");
    expect(page.text(".where")).toBe("@9 ␣Mary");
    page.press(page.cell("L1.H2"), "a");
    expect(page.result()?.site).toBe("L1.H2");
    page.press(page.cell("L1.H2"), "[");
    expect(page.result()?.site).toBe("L1.H2@-1");
  });

  it("X freezes a box beside what is patched, and lets it go; so does Alt and a click", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.press(page.cell("L2.H1"), "x");
    const frozen = { site: "L2.H1", source: "host" };
    const both = [{ site: "L1.H2", source: "source" }, frozen];
    expect(page.model.last()).toMatchObject({ kind: "patch", patches: both });
    expect(page.cell("L2.H1").parentElement?.querySelectorAll(".held")).toHaveLength(1);
    expect(page.text(".finding")).toContain("L1.H2 with L2.H1 frozen");
    expect(page.text(".readout")).toContain("frozen: keeps its corrupted value");
    expect(
      page.place.lastElementChild?.shadowRoot?.querySelectorAll(".slim-box .ring.selected"),
    ).toHaveLength(1);
    page.press(page.cell("L2.H1"), "x");
    expect(page.model.last()).toMatchObject({ patches: both.slice(0, 1) });
    page.cell("L2.H1").dispatchEvent(new MouseEvent("click", { altKey: true, bubbles: true }));
    expect(page.model.last()).toMatchObject({ patches: both });
    page.press(page.cell("L2.H1"), "Enter");
    expect(page.model.last()).toMatchObject({ patches: [{ site: "L2.H1", source: "source" }] });
  });

  it("Escape cancels, then clears, then leaves", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.model.answer = undefined;
    page.press(page.cell("L2.H1"), "Enter");
    page.press(page.cell("L2.H1"), "Escape");
    expect(page.model.last().kind).toBe("cancel");
    expect(page.result()?.site).toBe("L1.H2");
    page.press(page.cell("L1.H2"), "Escape");
    expect(page.result()).toBeUndefined();
    expect(page.model.last()).toMatchObject({ kind: "patch", patches: [] });
  });

  it("stop what they use, leave the rest, and do nothing outside a grid", () => {
    expect(page.press(page.cell("L0.H0"), "ArrowRight").defaultPrevented).toBe(true);
    expect(page.press(page.cell("L0.H0"), "y").defaultPrevented).toBe(false);
    const outside = new KeyboardEvent("keydown", { key: "n", bubbles: true, cancelable: true });
    page.get("select").dispatchEvent(outside);
    expect(outside.defaultPrevented).toBe(false);
  });

  it("keeps JupyterLab's shortcuts off: its listener sees the host alone", () => {
    const host = page.place.lastElementChild;
    expect(host?.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
    expect(host?.shadowRoot?.contains(page.cell("L0.H0"))).toBe(true);
  });

  it("go on from the cell that was clicked, in whatever lane", () => {
    page.click(page.get("[data-lanes=slim]"));
    page.click(page.cell("L2.H1", "clean"));
    expect(page.focused).toBe(page.cell("L2.H1"));
    page.press(page.cell("L2.H1"), "n");
    expect(page.model.last()).toMatchObject({ direction: "noise", patches: [{ site: "L2.H1" }] });
    page.click(page.cell("L1.mlp_out", "corrupted"));
    expect(page.focused).toBe(page.cell("L1.mlp_out"));
  });

  it("stay in the view when a button is taken away or disabled", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.get('[aria-label="undo"]').focus();
    page.click(page.get('[aria-label="undo"]'));
    expect(page.get('[aria-label="undo"]').hasAttribute("disabled")).toBe(true);
    expect(page.focused?.getAttribute("data-site")).toBe("L1.H2");
  });

  it("type a site: the box opens, asks, and gives the focus back to the grid", () => {
    page.press(page.cell("L0.H0"), "/");
    const input = page.get(".site-box input") as HTMLInputElement;
    expect(page.focused).toBe(input);
    input.value = "L2.N7@-1 + L1.H2";
    page.get(".site-box").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    expect(page.model.last()).toMatchObject({ patches: [{ site: "L2.N7@-1" }, { site: "L1.H2" }] });
    expect(page.el.querySelector(".site-box")).toBeNull();
    expect(page.focused?.getAttribute("data-site")).toBe("L2.mlp_out");
  });

  it("type a site that is not there: the field stays open with its text, and says what is wrong", () => {
    page.press(page.cell("L0.H0"), "/");
    const input = page.get<HTMLInputElement>(".site-box input");
    const submit = () =>
      page.get(".site-box").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    const { answer } = page.model;
    page.model.answer = ({ id }) =>
      page.model.receive({ v: 1, kind: "error", id, code: "E", message: "No L99 here." });
    input.value = "L99.H4";
    submit();
    expect(page.get(".site-box input")).toBe(input);
    expect(input.value).toBe("L99.H4");
    expect(page.focused).toBe(input);
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(page.text(".site-box .hint")).toBe(
      "L99.H4 failed: No L99 here. The model is unchanged.",
    );
    page.model.answer = answer;
    input.value = "L1.H2";
    submit();
    expect(page.el.querySelector(".site-box")).toBeNull();
    expect(page.focused?.getAttribute("data-site")).toBe("L1.H2");
  });

  it("open the code and the keys", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.press(page.cell("L1.H2"), "?");
    expect(page.text(".keys")).toContain("everything but these");
    page
      .get(".toolbar [data-panel=export]")
      .dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(page.text("pre")).toContain('r = exp.patch("L1.H2")');
  });

  it("pin a result as a ghost on the gauge", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.press(page.cell("L1.H2"), "p");
    page.press(page.cell("L2.H1"), "Enter");
    expect(page.all(".ghost")).toHaveLength(1);
  });

  it("clear and fill the screen", () => {
    page.press(page.cell("L1.H2"), "Enter");
    page.click(page.get(".clear"));
    expect(page.result()).toBeUndefined();
    expect(page.get<HTMLButtonElement>(".clear").disabled).toBe(true);
    const filled = vi.fn(() => Promise.resolve());
    page.el.requestFullscreen = filled;
    page.press(page.cell("L1.H2"), "f");
    page.click(page.get(".full-screen"));
    expect(filled).toHaveBeenCalledTimes(2);
  });
});
