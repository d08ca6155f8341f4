import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { decodeScene } from "../src/comm/decode-scene";
import { decodeSnapshot, encodeSnapshot } from "../src/comm/snapshot";
import widget from "../src/index";
import {
  alignedColumns,
  differingColumns,
  firstDifference,
  tokenAtPosition,
} from "../src/model/counterparts";
import { serve } from "./fixtures/kernel";
import { FakeModel } from "./fixtures/model";
import { smollm, sweeping, unequal } from "./fixtures/worlds";

const task = decodeScene(unequal().scene).task;

describe("columns", () => {
  it("put counterparts together and every other token alone, in order", () => {
    const columns = alignedColumns(task);
    expect(columns.slice(2, 7)).toEqual([
      { clean: 2, corrupted: 2 },
      { clean: undefined, corrupted: 3 },
      { clean: 3, corrupted: 4 },
      { clean: 4, corrupted: undefined },
      { clean: 5, corrupted: 5 },
    ]);
    expect(columns.map((c) => c.clean).filter((i) => i !== undefined)).toEqual([
      ...task.clean.keys(),
    ]);
    expect(columns.map((c) => c.corrupted).filter((i) => i !== undefined)).toEqual([
      ...task.corrupted.keys(),
    ]);
    expect(differingColumns(columns, task.differs)).toEqual([3, 4, 5, 11]);
  });

  it("are the positions themselves where a scene names no counterparts", () => {
    const plain = decodeScene(smollm().scene).task;
    expect(plain.counterparts).toEqual([...plain.clean.keys()]);
    expect(alignedColumns(plain).every((c, i) => c.clean === i && c.corrupted === i)).toBe(true);
    expect(firstDifference(plain)).toBe(9);
  });

  it("know where the runs begin to differ, though no token does", () => {
    expect(firstDifference(task)).toBe(3);
    expect(firstDifference({ counterparts: [0, 2, 3], differs: [] })).toBe(1);
  });

  it("show a prompt's own token at a position of the clean prompt", () => {
    expect(tokenAtPosition(task, "corrupted", 3)).toBe(" Lee");
    expect(tokenAtPosition(task, "clean", 3)).toBe(" John");
    expect(tokenAtPosition(task, "corrupted", 4)).toBe(" both");
  });
});

describe("the page", () => {
  let model: FakeModel;
  let el: HTMLElement;
  let dispose: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(
      () => new DOMRect(0, 0, 1300, 700),
    );
    model = new FakeModel();
    el = document.createElement("main");
    document.body.replaceChildren(el);
    serve(model, sweeping(unequal()), 0, { fill: 1 });
    dispose = widget.render({ model, el });
    vi.advanceTimersByTime(600);
  });

  afterEach(() => {
    dispose();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  const $ = (selector: string): HTMLElement => {
    const found = el.querySelector<HTMLElement>(selector);
    if (found === null) throw new Error(`nothing matches ${selector}`);
    return found;
  };
  const shown = (lane: string) =>
    [...el.querySelectorAll(`[data-run="${lane}"] .ribbon > *`)].map((each) =>
      each.classList.contains("gap") ? "" : (each.textContent ?? ""),
    );
  const click = (target: Element) =>
    target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const patches = () => model.sent.filter((message) => message.kind === "patch");
  const about = () => $(".readout .about").textContent;

  it("shows each lane its own tokens, one above its counterpart", () => {
    expect(shown("clean").slice(2, 7)).toEqual(["␣and", "", "␣John", "␣both", "␣went"]);
    expect(shown("corrupted").slice(2, 7)).toEqual(["␣and", "␣Timothy", "␣Lee", "", "␣went"]);
    expect(shown("patched")).toEqual(shown("corrupted"));
    click($('[data-direction="noise"]'));
    vi.advanceTimersByTime(600);
    expect(shown("patched")).toEqual(shown("clean"));
  });

  it("names positions by the clean prompt, in every lane", () => {
    click($('[data-run="corrupted"] .token[data-token="3"]'));
    expect($(".where").textContent).toBe("@3 ␣Lee");
    click($('[data-run="patched"] [data-site="L1.H2"]'));
    expect(patches().at(-1)).toMatchObject({ patches: [{ site: "L1.H2@3" }] });
  });

  it("leaves what has no counterpart inert, and says why", () => {
    const [alone, other] = [$('[data-run="clean"] .alone'), $('[data-run="corrupted"] .alone')];
    expect(alone.title).toBe("no counterpart in the corrupted prompt, so not patchable");
    expect(other.title).toBe("no counterpart in the clean prompt, so not patchable");
    for (const token of [alone, other]) {
      expect(token.getAttribute("aria-disabled")).toBe("true");
      click(token);
    }
    expect($(".where").textContent).toBe("all positions");
    alone.dispatchEvent(new PointerEvent("pointerenter"));
    expect(about()).toBe(
      "position 4 · clean ␣both · no counterpart in the corrupted prompt, so not patchable",
    );
  });

  it("steps over it", () => {
    const step = (label: string) => click($(`[aria-label="${label}"]`));
    step("one position on");
    expect($(".where").textContent).toBe("@3 ␣Lee");
    step("one position on");
    expect($(".where").textContent).toBe("@5 ␣went");
    step("one position back");
    expect($(".where").textContent).toBe("@3 ␣Lee");
  });

  it("marks its cells in a map, and answers a click there with the reason", () => {
    const cell = $('[data-map="positions"] [data-site="L1.mlp_out@4"]');
    expect(cell.classList.contains("unpatchable")).toBe(true);
    expect(cell.getAttribute("aria-label")).toContain("no counterpart");
    expect(el.querySelectorAll('[data-map="positions"] .unpatchable')).toHaveLength(4);
    expect($(".chart.positions .map-note").textContent).toContain("4 without a counterpart (×).");
    const before = patches().length;
    click(cell);
    expect(patches()).toHaveLength(before);
    expect(el.textContent).toContain(
      "No L1.mlp_out@4 here: position 4 has no counterpart in the corrupted prompt, so not patchable.",
    );
    cell.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
    expect(about()).toContain("no counterpart in the corrupted prompt");
  });

  it("does not patch at a position that Python chose and that has none", () => {
    model.set("position", 4);
    const before = patches().length;
    click($('[data-run="patched"] [data-site="L1.H2"]'));
    expect(patches()).toHaveLength(before);
    expect(el.textContent).toContain("No L1.H2@4 here: position 4 has no counterpart");
  });

  it("keeps it in a saved notebook", () => {
    const saved = decodeSnapshot(JSON.parse(JSON.stringify(model.get("snapshot"))));
    expect(saved?.scene.task.counterparts[4]).toBeNull();
    const map = Object.values(saved?.maps ?? {}).find((each) => each.across === "pos");
    expect([...(map?.unpatchable ?? [])]).toEqual([4, 19, 34, 49]);
    expect(saved && encodeSnapshot(saved)).toBeDefined();
  });
});
