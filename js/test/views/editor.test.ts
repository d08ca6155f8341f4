import { beforeEach, describe, expect, it, vi } from "vitest";
import { fewNames } from "../fixtures/datasets";
import { serve } from "../fixtures/kernel";
import { smollm, sweeping, unequal } from "../fixtures/worlds";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const field = (name: string) =>
  page.get<HTMLInputElement | HTMLTextAreaElement>(`.editor [data-field="${name}"]`);

const write = (name: string, text: string) => {
  field(name).value = text;
  field(name).dispatchEvent(new InputEvent("input", { bubbles: true }));
};

const said = () => page.text(".written-line p");

const tokens = (prompt: string) =>
  page.all(`.written-tokens .${prompt} .token`).map((each) => (each.textContent ?? "").trim());

const isOpen = () => page.all(".editor").length === 1;

const small = () => smollm({ layers: 4, heads: 4, known: { "L2.H1": 0.58, "L1.H2": 0.22 } });

const CLEAN = "When Mary and Tom went to the store, Tom gave a drink to";

const CORRUPTED = "When Mary and Tom went to the store, Mary gave a drink to";

const openAt = (prompt: string) => page.click(page.get(`[data-edit="${prompt}"]`));

describe("the prompts", () => {
  beforeEach(() => {
    page.showMaps(small());
    page.click(page.cell("L2.H1"));
    openAt("clean");
  });

  it("become fields with their tokens, the keyboard in the one whose pencil was clicked", () => {
    expect(field("clean").value).toBe("When Mary and John went to the store, John gave a drink to");
    expect(field("corrupted").value).toContain(", Mary gave");
    expect([field("answer").value, field("foil").value]).toEqual([" Mary", " John"]);
    expect(tokens("clean").slice(0, 3)).toEqual(["When", "␣Mary", "␣and"]);
    expect(said()).toBe("14 and 14 tokens; 1 differs.");
    expect(document.activeElement?.shadowRoot?.activeElement ?? document.activeElement).toBe(
      field("clean"),
    );
  });

  it("leave the old result there, faint and inert, until the new ones have run", () => {
    expect(page.result()?.site).toBe("L2.H1");
    expect(page.get(".picture").hasAttribute("inert")).toBe(true);
    expect(page.el.classList.contains("pw-editing")).toBe(true);
    page.press(field("clean"), "Escape");
    expect(page.get(".picture").hasAttribute("inert")).toBe(false);
  });

  it("are tokenised while they are written", () => {
    write("clean", CLEAN);
    expect(page.sent("tokens").at(-1)).toMatchObject({ pair: 0, clean: CLEAN, align: false });
    expect(tokens("clean")[3]).toBe("␣Tom");
    expect(said()).toBe("14 and 14 tokens; 2 differ.");
  });

  it("run with Enter: new words, numbers and maps; what is patched stays", () => {
    const before = page.result()?.effect;
    write("clean", CLEAN);
    write("corrupted", CORRUPTED);
    page.press(field("corrupted"), "Enter");
    vi.advanceTimersByTime(600);
    expect(isOpen()).toBe(false);
    expect(page.sent("patch").at(-1)).toMatchObject({
      patches: [{ site: "L2.H1" }],
      edits: [{ pair: 0, clean: CLEAN, corrupted: CORRUPTED, answer: " Mary", foil: " John" }],
    });
    expect(page.text('[data-run="clean"] [data-token="3"]')).toBe("␣Tom");
    expect(page.result()?.effect).not.toBe(before);
    expect(page.mapNote("heads")).toContain("Exact: 16 of 16.");
  });

  it("are restored by undo, and taken again by redo", () => {
    write("clean", CLEAN);
    page.press(field("clean"), "Enter");
    page.click(page.get('[aria-label="undo"]'));
    expect(page.text('[data-run="clean"] [data-token="3"]')).toBe("␣John");
    expect(page.sent("patch").at(-1)).toMatchObject({ edits: [], patches: [{ site: "L2.H1" }] });
    page.click(page.get('[aria-label="redo"]'));
    expect(page.text('[data-run="clean"] [data-token="3"]')).toBe("␣Tom");
  });

  it("stay as they were after Escape, and the keyboard goes back to the pencil", () => {
    write("clean", CLEAN);
    const asked = page.sent("patch").length;
    page.press(field("clean"), "Escape");
    expect(isOpen()).toBe(false);
    expect(page.sent("patch").length).toBe(asked);
    openAt("clean");
    expect(field("clean").value).toContain("John");
  });

  it("say unequal counts beside the field, do not run, and lose nothing", () => {
    const asked = page.sent("patch").length;
    write("clean", `${CLEAN} them`);
    expect(said()).toBe("▲15 and 14 tokens; patching needs equal counts.");
    expect(field("corrupted").getAttribute("aria-invalid")).toBe("true");
    page.press(field("clean"), "Enter");
    expect(page.sent("patch").length).toBe(asked);
    expect(field("clean").value).toBe(`${CLEAN} them`);
    write("clean", CLEAN);
    expect(said()).toBe("14 and 14 tokens; 2 differ.");
  });

  it("can be matched where their counts are unequal", () => {
    write("clean", "When Mary and John went to the store, John then gave a drink to");
    page.click(page.get(".written-line [aria-pressed]"));
    expect(page.sent("tokens").at(-1)).toMatchObject({ align: true });
    expect(said()).toMatch(/^15 and 14 tokens; 1\d matched, \d without a counterpart\.$/);
    page.press(field("clean"), "Enter");
    expect(page.sent("patch").at(-1)).toMatchObject({ edits: [{ align: true }] });
  });

  it("say that an answer is several tokens, of which one can be chosen", () => {
    write("answer", " Marybeth");
    expect(said()).toBe("▲' Marybeth' is 2 tokens (␣Mary·beth); choose one.");
    expect(field("answer").getAttribute("aria-invalid")).toBe("true");
    page.click(page.get(".answer-tokens button"));
    expect(field("answer").value).toBe(" Mary");
    expect(said()).toBe("14 and 14 tokens; 1 differs.");
  });

  it("keep what was typed when the kernel refuses it", () => {
    page.model.answer = (message) => {
      if (message.kind !== "patch") return;
      const error = { code: "E", message: "The prompt is too long.", details: "" };
      page.model.receive({ v: 1, kind: "error", id: message.id, ...error });
    };
    write("clean", CLEAN);
    page.press(field("clean"), "Enter");
    expect(said()).toBe("▲The prompt is too long.");
    expect(field("clean").value).toBe(CLEAN);
    expect(page.all('[data-status="error"]').length).toBe(0);
  });

  it("drop what cannot be patched in them", () => {
    page.press(field("clean"), "Escape");
    page.click(page.get('[data-run="clean"] [data-token="12"]'));
    page.click(page.cell("L2.H1"));
    openAt("clean");
    write("clean", "When Mary gave John");
    write("corrupted", "When Tom gave John");
    page.press(field("clean"), "Enter");
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [], edits: [{ pair: 0 }] });
    expect(page.get(".where").textContent).toBe("all positions");
  });

  it("are text, whatever they say", () => {
    write("corrupted", "When <img src=x> and John went to the store, John gave a drink to");
    expect(page.all(".editor img").length).toBe(0);
    expect(page.text(".written-tokens .corrupted")).toContain("<img");
  });

  it("have a name for everything", async () => {
    write("answer", " Marybeth");
    vi.useRealTimers();
    expect(await violations(page.el)).toEqual([]);
  });

  it("wait for the newest tokens alone", () => {
    const answers: (() => void)[] = [];
    serve(page.model, sweeping(small()));
    const reply = page.model.answer;
    page.model.answer = (message) => answers.push(() => reply?.(message));
    write("clean", `${CLEAN} them`);
    write("clean", CLEAN);
    answers[1]?.();
    answers[0]?.();
    expect(said()).toBe("14 and 14 tokens; 2 differ.");
  });
});

it("opens from the keyboard", () => {
  page.showMaps(small());
  page.press(page.cell("L1.H2"), "w");
  expect(isOpen()).toBe(true);
});

it("shows what is matched where the task has counterparts already", () => {
  page.showMaps(unequal());
  openAt("corrupted");
  expect(page.get(".written-line [aria-pressed]").getAttribute("aria-pressed")).toBe("true");
});

describe("a dataset", () => {
  beforeEach(() => page.showMaps(fewNames()));

  it("has no prompt to edit in its mean, and says so", () => {
    expect(page.get('[data-edit="clean"]').getAttribute("aria-disabled")).toBe("true");
    openAt("clean");
    expect(isOpen()).toBe(false);
    expect(page.text('[data-status="notice"]')).toBe(
      "Choose a pair: the mean has no prompt to edit.",
    );
  });

  it("edits the pair that is shown, and keeps the edits of others", () => {
    for (const pair of [1, 2]) {
      page.click(page.get('.stepper [aria-label="next pair"]'));
      openAt("clean");
      write("clean", field("clean").value.replace("drink", `drink${pair}`));
      write("corrupted", field("corrupted").value.replace("drink", `drink${pair}`));
      page.press(field("clean"), "Enter");
      expect(page.text('[data-run="clean"] [data-token="12"]')).toBe(`␣drink${pair}`);
    }
    expect(page.sent("patch").at(-1)).toMatchObject({ edits: [{ pair: 0 }, { pair: 1 }], pair: 1 });
    page.click(page.get('.stepper [aria-label="previous pair"]'));
    expect(page.text('[data-run="clean"] [data-token="12"]')).toBe("␣drink1");
  });

  it("does not leave a pair whose prompts are being written", () => {
    page.click(page.get(".stepper .one"));
    openAt("clean");
    page.click(page.get('.stepper [aria-label="next pair"]'));
    expect(isOpen()).toBe(true);
    expect(page.text('[data-status="notice"]')).toBe("Run or cancel the edit first.");
  });
});
