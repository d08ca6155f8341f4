import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../src/index";
import { serve, type World } from "./fixtures/kernel";
import { FakeModel } from "./fixtures/model";
import { replay } from "./fixtures/recorded";
import { early, smollm, sweeping, tiny } from "./fixtures/worlds";

let model: FakeModel;
let el: HTMLElement;
let dispose: () => void;
let width = 1300;

beforeEach(() => {
  vi.useFakeTimers();
  width = 1300;
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(
    () => new DOMRect(0, 0, width, 700),
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

/** Shows a world whose kernel fills this part of every map, and waits until the page is idle. */
const show = (world: World, fill = 1) => {
  serve(model, sweeping(world), 0, { fill });
  dispose = widget.render({ model, el });
  vi.advanceTimersByTime(600);
};
const $ = (selector: string): Element => {
  const found = el.querySelector(selector);
  if (found === null) throw new Error(`nothing matches ${selector}`);
  return found;
};
const cell = (map: string, site: string) => $(`[data-map="${map}"] [data-site="${site}"]`);
const click = (target: Element, init: MouseEventInit = {}) =>
  target.dispatchEvent(new MouseEvent("click", { bubbles: true, ...init }));
const press = (target: Element, key: string) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const text = (selector: string) => ($(selector).textContent ?? "").replace(/\s+/g, " ").trim();
const sent = (kind: string) => model.sent.filter((message) => message.kind === kind);
const note = (chart: string) => text(`.chart.${chart} .map-note`);

describe("asking", () => {
  it("waits for the first paint, then asks for both maps once", () => {
    serve(model, sweeping(tiny()));
    dispose = widget.render({ model, el });
    expect(sent("sweep")).toHaveLength(0);
    expect(el.querySelectorAll(".mcell.pending")).toHaveLength(4 * 4 + 4 * 14);
    vi.advanceTimersByTime(10_000);
    expect(sent("sweep")).toHaveLength(1);
    expect(sent("sweep")[0]).toMatchObject({
      v: 1,
      maps: [
        { name: "heads", component: "z", over: ["layer", "head"] },
        { name: "positions", component: "mlp_out", over: ["layer", "pos"] },
      ],
      direction: "denoise",
      metric: "logit_diff",
    });
  });

  it("does not ask a kernel that cannot, and shows the charts as before", () => {
    serve(model, tiny());
    dispose = widget.render({ model, el });
    vi.advanceTimersByTime(10_000);
    expect(sent("sweep")).toHaveLength(0);
    expect(el.querySelector("[data-map]")).toBeNull();
    expect(el.querySelectorAll(".charts > .chart")).toHaveLength(3);
  });

  it("asks again for another direction, metric and component, and not for another patch", () => {
    show(tiny());
    click(cell("heads", "L1.H2"));
    vi.advanceTimersByTime(600);
    expect(sent("sweep")).toHaveLength(1);
    click($('[data-direction="noise"]'));
    vi.advanceTimersByTime(600);
    expect(sent("sweep").at(-1)).toMatchObject({ direction: "noise" });
    const choose = (select: string, value: string) => {
      ($(select) as HTMLSelectElement).value = value;
      $(select).dispatchEvent(new Event("change", { bubbles: true }));
      vi.advanceTimersByTime(600);
    };
    choose(".metric-select", "kl");
    expect(sent("sweep").at(-1)).toMatchObject({ direction: "noise", metric: "kl" });
    choose("select.mapped", "resid_pre");
    expect(sent("sweep").at(-1)).toMatchObject({ maps: [{}, { component: "resid_pre" }] });
    expect(sent("sweep")).toHaveLength(4);
    expect(cell("positions", "L2.resid_pre@-1")).toBeDefined();
  });

  it("leaves out what the model does not have, and says why", () => {
    show(smollm({ refused: { z: "heads cannot be told apart in this model" } }));
    expect(sent("sweep")[0]?.maps).toHaveLength(1);
    expect(text(".chart.heads .none")).toBe(
      "No heads here: heads cannot be told apart in this model.",
    );
  });

  it("makes nothing look busy while nobody answers, nor a click that is answered", () => {
    serve(model, sweeping(tiny()));
    dispose = widget.render({ model, el });
    const { answer } = model;
    model.answer = (message) => message.kind !== "sweep" && answer?.(message);
    vi.advanceTimersByTime(60_000);
    expect(sent("sweep")).toHaveLength(1);
    expect(el.querySelector("[data-status]")).toBeNull();
    click($('[data-run="patched"] [data-site="L1.H2"]'));
    expect($("[data-result]").getAttribute("data-site")).toBe("L1.H2");
    expect(el.querySelector("[data-status]")).toBeNull();
  });
});

describe("what a map shows", () => {
  it("has every cell once, exact zeros as dots, and says that they cost nothing", () => {
    show(smollm());
    expect(el.querySelectorAll('[data-map="heads"] [data-site]')).toHaveLength(270);
    expect(el.querySelectorAll('[data-map="positions"] [data-site]')).toHaveLength(420);
    expect(el.querySelectorAll('[data-map="positions"] .mcell.zero')).toHaveLength(270);
    expect(note("heads")).toBe("Exact: 270 of 270.");
    expect(note("positions")).toBe("Exact: 420 of 420. 270 cells exactly 0, nothing to compute.");
    expect(cell("heads", "L23.H3").getAttribute("aria-label")).toBe("L23.H3, 58 %");
    expect(cell("positions", "L3.mlp_out@4").getAttribute("aria-label")).toBe(
      "L3.mlp_out@4, exactly 0",
    );
  });

  it("turns the colours round with the direction: blue is always towards clean", () => {
    show(tiny());
    const blue = cell("heads", "L2.H1").getAttribute("fill");
    click($('[data-direction="noise"]'));
    vi.advanceTimersByTime(600);
    const orange = cell("heads", "L2.H1").getAttribute("fill");
    const channels = (fill: string | null) =>
      [1, 3, 5].map((i) => Number.parseInt(fill?.slice(i, i + 2) ?? "", 16));
    const [[r = 0, , b = 0], [r2 = 0, , b2 = 0]] = [channels(blue), channels(orange)];
    expect(b).toBeGreaterThan(r);
    expect(r2).toBeGreaterThan(b2);
  });

  it("says the range where it is not ±1, and marks the differing token", () => {
    show(tiny());
    expect(text(".chart.heads .scale")).toBe("towards corrupted −1 +1 towards clean");
    expect(text(".chart.positions .scale")).toContain("range ±");
    expect(text(".chart.positions .name.differs")).toBe("␣Mary");
    expect(el.querySelectorAll(".chart.positions .tick")).toHaveLength(1);
  });

  it("prints effects in the large cells of a small model", () => {
    show(tiny());
    expect(
      [...el.querySelectorAll('[data-map="heads"] .inside')].map((t) => t.textContent),
    ).toContain("+8.24");
  });

  it("says why there is nothing to see where both prompts give the same", () => {
    show(smollm({ values: [6.12, 6.12] }));
    expect(text(".chart.heads .none")).toBe(
      "No recovery: both prompts give +6.12. Change a prompt, the answer or the metric.",
    );
  });

  it("paints many cells on a canvas, keeps the focused row for the keys, folds what is the same", () => {
    show(early());
    expect(text(".folded")).toBe("9 identical tokens · exactly 0");
    expect(text(".chart.positions .name.differs")).toBe("␣Mary");
    const map = $('[data-map="positions"]');
    expect(map.querySelectorAll("canvas")).toHaveLength(1);
    expect(map.querySelectorAll("[data-site]")).toHaveLength(191);
    expect(map.querySelector("svg")?.getAttribute("aria-colcount")).toBe("200");
    press(cell("positions", "L0.mlp_out@9"), "ArrowDown");
    expect(document.activeElement).toBe(cell("positions", "L1.mlp_out@9"));
    expect(map.querySelectorAll("[data-site]")).toHaveLength(191);
  }, 20_000);
});

it("shows the numbers that Python really sent", () => {
  replay(model, 1);
  dispose = widget.render({ model, el });
  vi.advanceTimersByTime(600);
  const label = (map: string, site: string) => cell(map, site).getAttribute("aria-label");
  expect(label("heads", "L23.H3")).toBe("L23.H3, 58 %");
  expect(label("heads", "L24.H4")).toBe("L24.H4, −25 %");
  expect(label("positions", "L0.mlp_out@9")).toBe("L0.mlp_out@9, 99.9 %");
  expect(label("positions", "L20.mlp_out@-1")).toBe("L20.mlp_out@-1, −6.1 %");
  expect(note("positions")).toBe("Exact: 420 of 420. 274 cells exactly 0, nothing to compute.");
});

describe("using a map", () => {
  it("patches the cell that is clicked, whatever position is chosen, and adds with Shift", () => {
    show(tiny());
    click($('[data-run="clean"] [data-token="3"]'));
    click(cell("heads", "L1.H2"));
    expect(sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L1.H2", source: "source" }] });
    click(cell("positions", "L2.mlp_out@9"), { shiftKey: true });
    click(cell("positions", "L2.mlp_out@-1"), { shiftKey: true });
    expect(sent("patch").at(-1)).toMatchObject({
      patches: [{ site: "L1.H2" }, { site: "L2.mlp_out@9" }, { site: "L2.mlp_out@-1" }],
    });
    expect(cell("positions", "L2.mlp_out@9").getAttribute("aria-selected")).toBe("true");
    expect(el.querySelectorAll('[data-map="positions"] .ring.selected')).toHaveLength(2);
    expect(el.querySelectorAll('[data-map="heads"] .ring.selected')).toHaveLength(1);
    click(cell("positions", "L2.mlp_out@9"), { shiftKey: true });
    expect(sent("patch").at(-1)?.patches).toHaveLength(2);
  });

  it("shows a patch at all positions as a whole row", () => {
    show(tiny());
    click($('[data-run="patched"] [data-site="L2.mlp_out"]'));
    const row = $('[data-map="positions"] .ring.selected');
    expect(Number(row.getAttribute("width"))).toBeGreaterThan(400);
  });

  it("rings what is under the pointer in all lanes and maps, and reads it out", () => {
    show(tiny());
    const over = (target: Element, type: string) =>
      target.dispatchEvent(new PointerEvent(type, { bubbles: true }));
    over($('[data-run="clean"] [data-site="L2.H1"]'), "pointerover");
    expect(el.querySelectorAll(".ring.hover")).toHaveLength(4);
    over(cell("positions", "L3.mlp_out@9"), "pointermove");
    expect(el.querySelectorAll("[data-run] .ring.hover")).toHaveLength(3);
    expect(el.querySelectorAll("[data-map] .ring.hover")).toHaveLength(1);
    expect(el.querySelectorAll(".token.hovered")).toHaveLength(3);
    expect(text(".about")).toMatch(/^L3.mlp_out@9 · share −?\d.* %, effect [+−]\d/);
    over(cell("positions", "L3.mlp_out@2"), "pointermove");
    expect(text(".about")).toContain("exactly 0: before the first difference");
  });

  it("walks with the keys, patches with Enter, adds with Space", () => {
    show(tiny());
    press(cell("heads", "L0.H0"), "ArrowRight");
    expect(document.activeElement).toBe(cell("heads", "L0.H1"));
    press(cell("heads", "L0.H1"), "ArrowDown");
    press(cell("heads", "L1.H1"), "End");
    expect(document.activeElement).toBe(cell("heads", "L1.H3"));
    press(cell("heads", "L1.H3"), "PageDown");
    expect(document.activeElement).toBe(cell("heads", "L3.H3"));
    press(cell("heads", "L3.H3"), "Enter");
    expect(sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L3.H3" }] });
    press(cell("positions", "L1.mlp_out@9"), " ");
    expect(sent("patch").at(-1)?.patches).toHaveLength(2);
    expect(el.querySelectorAll('[data-map="heads"] [tabindex="0"]')).toHaveLength(1);
    expect(el.querySelectorAll('[data-run="patched"] [role] [tabindex="0"]')).toHaveLength(1);
  });
});

describe("stopping", () => {
  it("keeps what is done, and goes on when asked", () => {
    show(tiny(), 0.25);
    expect(note("heads")).toBe("Exact so far: 4 of 16, 1 s left. Stop");
    click($(".chart.heads .map-note button"));
    expect(model.last().kind).toBe("cancel");
    expect(note("heads")).toBe("Stopped after 4 of 16. The model is unchanged. Continue");
    expect(el.querySelectorAll('[data-map="heads"] .mcell.value')).toHaveLength(4);
    vi.advanceTimersByTime(10_000);
    expect(sent("sweep")).toHaveLength(1);
    click($(".chart.heads .map-note button"));
    expect(sent("sweep")).toHaveLength(2);
    expect(note("heads")).toBe("Exact so far: 4 of 16, 1 s left. Stop");
  });

  it("does not lose the patch that was on its way", () => {
    show(tiny(), 0.25);
    model.answer = undefined;
    click(cell("heads", "L1.H2"));
    click($(".chart.heads .map-note button"));
    expect(model.sent.slice(-2)).toMatchObject([
      { kind: "cancel" },
      { kind: "patch", patches: [{ site: "L1.H2" }] },
    ]);
  });

  it("is not what cancelling a patch means: the maps go on", () => {
    show(tiny(), 0.25);
    model.answer = undefined;
    click(cell("heads", "L1.H2"));
    press(cell("heads", "L1.H2"), "Escape");
    expect(model.sent.slice(-2)).toMatchObject([{ kind: "cancel" }, { kind: "sweep" }]);
  });

  it("says what failed, beside what is known, and is no failure of the patch", () => {
    serve(model, sweeping(tiny()));
    const { answer } = model;
    model.answer = (message) => message.kind !== "sweep" && answer?.(message);
    dispose = widget.render({ model, el });
    vi.advanceTimersByTime(600);
    const { id } = model.last();
    model.receive({ v: 1, kind: "error", id, code: "E", message: "out of memory", details: "" });
    expect(note("heads")).toBe("No map: out of memory. The model is unchanged. Try again");
    expect(el.querySelector("[data-status]")).toBeNull();
  });
});

describe("the layout", () => {
  it("is two maps and one column of tabs from 900 px", () => {
    show(tiny());
    expect([...el.querySelectorAll(".charts > *")].map((e) => e.className)).toEqual([
      "chart heads",
      "chart positions",
      "tabbed",
    ]);
    expect([...el.querySelectorAll('[role="tab"]')].map((t) => t.textContent)).toEqual([
      "Logits",
      "Reached",
      "History",
    ]);
  });

  it("is tabs under 900 px, the heads first", () => {
    width = 700;
    show(tiny());
    expect(el.querySelectorAll('[role="tab"]')).toHaveLength(5);
    expect(el.querySelectorAll("[data-map]")).toHaveLength(1);
    click($('[role="tab"]:nth-child(2)'));
    expect(el.querySelector('[data-map="positions"]')).not.toBeNull();
  });
});

it("keeps the maps of a saved notebook, with nobody to ask", () => {
  show(tiny());
  const saved = JSON.parse(JSON.stringify(model.get("snapshot")));
  dispose();
  model = new FakeModel();
  model.set("snapshot", saved);
  dispose = widget.render({ model, el });
  vi.advanceTimersByTime(10_000);
  expect(sent("sweep")).toHaveLength(0);
  expect(el.querySelectorAll('[data-map="heads"] .mcell.value')).toHaveLength(16);
  expect(note("heads")).toBe("Exact: 16 of 16.");
});

it("leaves the lanes' own cells to be found first, and passes axe", async () => {
  show(tiny());
  expect(el.querySelectorAll('[data-run="patched"] [data-site="L1.H2"]')).toHaveLength(1);
  vi.useRealTimers();
  const { violations } = await axe.run(el, {
    rules: { "color-contrast": { enabled: false }, region: { enabled: false } },
  });
  expect(violations.map((v) => `${v.id}: ${v.nodes[0]?.html}`)).toEqual([]);
});
