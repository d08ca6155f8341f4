import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../src/index";
import { serve } from "./fixtures/kernel";
import { FakeModel } from "./fixtures/model";
import { replay } from "./fixtures/recorded";
import { huge, long, markup, smollm, tiny } from "./fixtures/worlds";

let model: FakeModel;
let el: HTMLElement;
let dispose: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(
    new DOMRect(0, 0, 1300, 700),
  );
  model = new FakeModel();
  el = document.createElement("main");
  document.body.replaceChildren(el);
});

afterEach(() => {
  dispose();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const show = () => {
  dispose = widget.render({ model, el });
};
const $ = (selector: string): Element => {
  const found = el.querySelector(selector);
  if (found === null) throw new Error(`nothing matches ${selector}`);
  return found;
};
const cell = (site: string, lane = "patched") =>
  $(`[data-run="${lane}"] svg [data-site="${site}"]`);
const click = (site: string, init: MouseEventInit = {}) =>
  cell(site).dispatchEvent(new MouseEvent("click", { bubbles: true, ...init }));
const press = (site: string, key: string, init: KeyboardEventInit = {}) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init });
  cell(site).dispatchEvent(event);
  return event;
};
const result = () => el.querySelector<HTMLElement>("[data-result]")?.dataset;
const text = (selector: string) => ($(selector).textContent ?? "").replace(/\s+/g, " ").trim();

describe("with the recorded answers of Python", () => {
  beforeEach(() => {
    replay(model);
    show();
  });

  it("draws three lanes in order, each component once in each", () => {
    const lanes = [...el.querySelectorAll("[data-run]")].map((lane) =>
      lane.getAttribute("data-run"),
    );
    expect(lanes).toEqual(["clean", "patched", "corrupted"]);
    for (const lane of lanes) {
      const sites = [...el.querySelectorAll(`[data-run="${lane}"] svg [data-site]`)].map((c) =>
        c.getAttribute("data-site"),
      );
      expect(sites).toHaveLength(30 * (9 + 3));
      expect(new Set(sites).size).toBe(sites.length);
    }
  });

  it("says where to click before anything is patched", () => {
    expect(text(".finding")).toBe(
      "Click any box: the corrupted prompt is run again with that box's clean value.",
    );
    expect(result()).toBeUndefined();
  });

  it("patches on a click and holds the numbers out to scripts", () => {
    click("L23.H3");
    expect(model.last()).toMatchObject({
      kind: "patch",
      patches: [{ site: "L23.H3", source: "source" }],
      direction: "denoise",
      metric: "logit_diff",
    });
    expect(result()).toMatchObject({ site: "L23.H3", metric: "logit_diff" });
    expect(Number(result()?.effect)).toBeCloseTo(6.7749, 4);
    expect(Number(result()?.recovery)).toBeCloseTo(0.5838, 4);
    expect(text(".finding")).toBe(
      "L23.H3 restores 58 % of the difference and puts ␣Mary back on top.",
    );
    expect(text('[data-run="patched"] .outputs')).toBe(
      "logit diff +1.29␣Mary49.5 %␣John13.6 %␣the11.5 %",
    );
  });

  it("fills what the patch reached, marks what it cannot reach, and draws one arrow", () => {
    click("L23.H3");
    expect(el.querySelectorAll('[data-run="patched"] .spliced')).toHaveLength(1);
    expect(el.querySelectorAll('[data-run="patched"] .zero').length).toBeGreaterThan(23 * 9);
    expect(el.querySelectorAll('[data-run="patched"] .reach').length).toBeGreaterThan(20);
    expect(el.querySelectorAll('[data-run="clean"] .reach')).toHaveLength(0);
    expect(el.querySelectorAll(".splice")).toHaveLength(1);
    expect(cell("L23.H3").getAttribute("aria-selected")).toBe("true");
  });

  it("adds with Shift and says whether the parts need each other", () => {
    click("L23.H3");
    click("L20.H0", { shiftKey: true });
    expect(result()?.site).toBe("L23.H3 + L20.H0");
    expect(text(".caption")).toBe(
      "Together +11.4; alone +6.77 and +2.50 (sum +9.28): they need each other. Enough here; not shown to be needed.",
    );
    click("L20.H0", { shiftKey: true });
    expect(result()?.site).toBe("L23.H3");
  });

  it("flips the direction with N, the arrow then comes from below", () => {
    click("L23.H3");
    press("L23.H3", "n");
    expect(text(".finding")).toBe(
      "Corrupting L23.H3 costs 61 % of the difference and puts ␣John on top.",
    );
    expect(text('[data-run="patched"] .gutter p')).toBe("clean prompt with corrupted L23.H3");
    expect($('[data-run="patched"]').classList.contains("host-clean")).toBe(true);
  });

  it("shows another metric of the same run", () => {
    click("L23.H3");
    const select = $("select") as HTMLSelectElement;
    select.value = "kl";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(result()).toMatchObject({ metric: "kl" });
    expect(text('[data-run="patched"] .metric')).toBe("KL from clean 0.496");
  });

  it("says what is wrong with a site, beside the last answer", () => {
    click("L23.H3");
    click("L5.H5");
    expect(text("[data-status=error]")).toContain("L99.H3: layer 99 is out of range");
    expect(result()?.site).toBe("L23.H3");
  });

  it("undoes, redoes and replays", () => {
    click("L23.H3");
    click("L20.H0", { shiftKey: true });
    press("L23.H3", "z");
    expect(result()?.site).toBe("L23.H3");
    press("L23.H3", "Z", { shiftKey: true });
    expect(result()?.site).toBe("L23.H3 + L20.H0");
    $('[data-history="1"]').dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(result()?.site).toBe("L23.H3");
  });

  it("keeps the picture on the model for a page without Python", () => {
    click("L23.H3");
    const saved = JSON.parse(JSON.stringify(model.get("snapshot")));
    dispose();
    model = new FakeModel();
    model.set("snapshot", saved);
    show();
    expect(result()?.site).toBe("L23.H3");
    vi.advanceTimersByTime(5000);
    expect(text("[data-status=gone]")).toContain(
      "No Python is answering. Run this cell again. You see the last result, L23.H3.",
    );
    expect(el.querySelectorAll('[data-run="patched"] .reach').length).toBeGreaterThan(20);
  });

  it("announces a patch in one sentence", () => {
    click("L23.H3");
    expect(text("[aria-live]")).toBe(
      "L23.H3 restores 58 % of the difference and puts ␣Mary back on top. Logit diff +1.29, effect +6.77.",
    );
  });
});

describe("keys", () => {
  beforeEach(() => {
    serve(model, tiny());
    show();
  });
  const focused = () => el.querySelector('[role="grid"] [tabindex="0"]')?.getAttribute("data-site");

  it("walk layers and heads, one tab stop", () => {
    (cell("L0.H0") as SVGElement).focus();
    press("L0.H0", "ArrowRight");
    expect(focused()).toBe("L1.H0");
    press("L1.H0", "ArrowDown");
    expect(focused()).toBe("L1.H1");
    press("L1.H1", "End");
    expect(focused()).toBe("L3.H1");
    press("L3.H1", "Home");
    expect(focused()).toBe("L0.H1");
    expect(el.querySelectorAll('[role="grid"] [tabindex="0"]')).toHaveLength(1);
  });

  it("patch, toggle, extend, take everything but", () => {
    press("L1.H2", "Enter");
    expect(result()?.site).toBe("L1.H2");
    press("L2.H1", " ");
    expect(result()?.site).toBe("L1.H2 + L2.H1");
    press("L2.H1", "ArrowDown", { shiftKey: true });
    expect(result()?.site).toBe("L1.H2 + L2.H1 + L2.H2");
    press("L1.H2", "i");
    expect(result()?.site).toBe("L1.H0 + L1.H1 + L1.H3");
    expect(text(".finding")).toMatch(/^All heads of L1 but H2 /);
  });

  it("step through positions, and what is patched goes with them", () => {
    press("L1.H2", "Enter");
    press("L1.H2", "]");
    expect(result()?.site).toBe("L1.H2@9");
    expect(text(".where")).toBe("@9 ␣Mary");
    press("L1.H2", "a");
    expect(result()?.site).toBe("L1.H2");
    press("L1.H2", "[");
    expect(result()?.site).toBe("L1.H2@-1");
  });

  it("Escape cancels, then clears, then leaves", () => {
    press("L1.H2", "Enter");
    model.answer = undefined;
    press("L2.H1", "Enter");
    press("L2.H1", "Escape");
    expect(model.last().kind).toBe("cancel");
    expect(result()?.site).toBe("L1.H2");
    press("L1.H2", "Escape");
    expect(result()).toBeUndefined();
    expect(model.last()).toMatchObject({ kind: "patch", patches: [] });
  });

  it("stop what they use, leave the rest, and do nothing outside a grid", () => {
    expect(press("L0.H0", "ArrowRight").defaultPrevented).toBe(true);
    expect(press("L0.H0", "x").defaultPrevented).toBe(false);
    const outside = new KeyboardEvent("keydown", { key: "n", bubbles: true, cancelable: true });
    $("select").dispatchEvent(outside);
    expect(outside.defaultPrevented).toBe(false);
  });

  it("keeps JupyterLab's shortcuts off whatever has the focus", () => {
    for (const target of [cell("L0.H0"), $("select"), $(".tool")]) {
      target.dispatchEvent(new FocusEvent("focusin", { bubbles: true }));
      expect(target.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
    }
  });

  it("type a site: the box opens, asks, and gives the focus back to the grid", () => {
    press("L0.H0", "/");
    const input = $(".site-box input") as HTMLInputElement;
    expect(document.activeElement).toBe(input);
    input.value = "L2.N7@-1 + L1.H2";
    $(".site-box").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    expect(model.last()).toMatchObject({ patches: [{ site: "L2.N7@-1" }, { site: "L1.H2" }] });
    expect(el.querySelector(".site-box")).toBeNull();
    expect(document.activeElement?.getAttribute("data-site")).toBe("L2.mlp_out");
  });

  it("open the code and the keys", () => {
    press("L1.H2", "Enter");
    press("L1.H2", "?");
    expect(text(".keys")).toContain("everything but this");
    $('[title="the pw lines of this view"]').dispatchEvent(
      new MouseEvent("click", { bubbles: true }),
    );
    expect(text("pre")).toContain('r = exp.patch("L1.H2")');
  });

  it("pin a result as a ghost on the gauge", () => {
    press("L1.H2", "Enter");
    press("L1.H2", "p");
    press("L2.H1", "Enter");
    expect(el.querySelectorAll(".ghost")).toHaveLength(1);
  });

  it("print known effects inside the large cells of a small model", () => {
    press("L1.H2", "Enter");
    press("L2.H1", "Enter");
    expect([...el.querySelectorAll(".inside")].map((t) => t.textContent)).toEqual([
      "+3.71",
      "+8.24",
    ]);
  });
});

describe("one's own traits", () => {
  it("show a selection made in Python as on its way", () => {
    serve(model, tiny());
    show();
    model.set("selection", ["L2.H1"]);
    expect($('[data-run="patched"] .ring.pending')).toBeDefined();
    expect(model.sent.filter((m) => m.kind === "patch")).toHaveLength(0);
  });

  it("take a position made in Python for the next click", () => {
    serve(model, tiny());
    show();
    model.set("position", "S2");
    click("L1.H1");
    expect(model.last()).toMatchObject({ patches: [{ site: "L1.H1@S2" }] });
  });
});

describe("waiting", () => {
  it("rings the cell at once and says after 300 ms that the kernel is busy", () => {
    serve(model, smollm());
    show();
    model.answer = undefined;
    click("L23.H3");
    expect(el.querySelectorAll(".ring.pending")).toHaveLength(2);
    expect(el.querySelectorAll(".splice.pending")).toHaveLength(1);
    expect(el.querySelector("[data-status]")).toBeNull();
    vi.advanceTimersByTime(300);
    expect(text("[data-status=busy]")).toBe(
      "●The kernel is busy with another cell. L23.H3 is waiting. Cancel",
    );
    $("[data-status=busy] button").dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(model.last().kind).toBe("cancel");
    expect(el.querySelectorAll(".ring.pending")).toHaveLength(0);
  });

  it("says that the kernel restarted", () => {
    serve(model, smollm());
    show();
    model.trigger("comm_live_update", { model: { comm_live: false } });
    expect(text("[data-status=restarted]")).toContain(
      "The kernel restarted. Run the notebook from the top.",
    );
  });
});

describe("other worlds", () => {
  it("shows tokens that look like HTML as text", () => {
    serve(model, markup());
    show();
    click("L1.H1");
    expect(el.querySelectorAll("img, b > b, i > i, script, .token i")).toHaveLength(0);
    expect(text('[data-run="clean"] [data-token="0"]')).toBe("<b>When</b>");
    expect(text('[data-run="clean"] [data-token="1"]')).toBe("␣<img␣src=x␣onerror=alert(1)>");
    expect(text('[data-run="clean"] [data-token="2"]')).toBe("&amp;");
    expect(text('[data-run="clean"] [data-token="3"]')).toBe("⏎");
    expect(text("h2")).toBe("<i>model</i>");
  });

  it("folds a long identical prefix and never the differing word", () => {
    serve(model, long());
    show();
    expect(text('[data-run="corrupted"] .fold')).toMatch(/^⋯ 18\d identical tokens · exactly 0$/);
    expect(text('[data-run="corrupted"] .differs')).toBe("␣Mary");
    expect(text('[data-run="clean"] .differs')).toBe("␣John");
  });

  it("shows a window of a large model's layers and follows what is patched", () => {
    serve(model, huge());
    show();
    expect(el.querySelector('[data-site="L79.H0"]')).toBeNull();
    model.receive({ v: 1, kind: "ack", id: 1 });
    model.set("selection", ["L70.H17"]);
    expect(cell("L70.H17")).toBeDefined();
    expect($(".overview").getAttribute("aria-label")).toMatch(
      /^Layers \d+ to \d+ of 80 are shown$/,
    );
  });

  it("explains an undefined recovery, and gives it out as NaN", () => {
    serve(model, smollm({ values: [6.12, 6.12] }));
    show();
    click("L23.H3");
    expect(text(".finding")).toBe(
      "No recovery: both prompts give +6.12. Change a prompt, the answer or the metric.",
    );
    expect(result()?.recovery).toBe("NaN");
    expect(el.querySelector(".knob")).toBeNull();
  });

  it("refuses what the model does not have, with the reason and without asking", () => {
    serve(model, smollm({ refused: { z: "heads cannot be told apart in this model" } }));
    show();
    const before = model.sent.length;
    click("L3.H2");
    expect(text("[data-status=notice]")).toBe(
      "No L3.H2 here: heads cannot be told apart in this model.",
    );
    expect(model.sent).toHaveLength(before);
  });

  it("shows the task's warnings", () => {
    serve(model, smollm({ warnings: ["effects explain little <here>"] }));
    show();
    expect(text(".warnings")).toBe("effects explain little <here>");
  });
});

it("passes axe", async () => {
  vi.useRealTimers();
  serve(model, tiny());
  show();
  click("L1.H2");
  const { violations } = await axe.run(el, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  expect(violations.map((v) => `${v.id}: ${v.nodes[0]?.html}`)).toEqual([]);
});

it("leaves no listener, no element and no id behind", () => {
  serve(model, smollm());
  show();
  const ids = [...el.querySelectorAll("[id]")].map((e) => e.id);
  expect(new Set(ids).size).toBe(ids.length);
  dispose();
  expect(el.childElementCount).toBe(0);
  expect([...model.handlers.values()].every((all) => all.size === 0)).toBe(true);
});
