import { beforeEach, describe, expect, it, vi } from "vitest";
import { decodeSnapshot, encodeSnapshot } from "../../src/comm/snapshot";
import { unequal } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("the page", () => {
  beforeEach(() => page.showMaps(unequal()));

  const shown = (lane: string) =>
    page
      .all(`[data-run="${lane}"] .token-row > *`)
      .map((each) => (each.classList.contains("gap") ? "" : (each.textContent ?? "")));
  const patches = () => page.sent("patch");
  const about = () => page.get(".readout .about").textContent;

  it("shows each lane its own tokens, one above its counterpart", () => {
    expect(shown("clean").slice(2, 7)).toEqual(["␣and", "", "␣John", "␣both", "␣went"]);
    expect(shown("corrupted").slice(2, 7)).toEqual(["␣and", "␣Timothy", "␣Lee", "", "␣went"]);
    expect(shown("patched")).toEqual(shown("corrupted"));
    page.click(page.get('[data-direction="noise"]'));
    vi.advanceTimersByTime(600);
    expect(shown("patched")).toEqual(shown("clean"));
  });

  it("names positions by the clean prompt, in every lane", () => {
    page.click(page.get('[data-run="corrupted"] .token[data-token="3"]'));
    expect(page.get(".where").textContent).toBe("@3 ␣Lee");
    page.click(page.get('[data-run="patched"] [data-site="L1.H2"]'));
    expect(patches().at(-1)).toMatchObject({ patches: [{ site: "L1.H2@3" }] });
  });

  it("leaves what has no counterpart inert, and says why", () => {
    const [alone, other] = [
      page.get('[data-run="clean"] .alone'),
      page.get('[data-run="corrupted"] .alone'),
    ];
    expect(alone.title).toBe("no counterpart in the corrupted prompt, so not patchable");
    expect(other.title).toBe("no counterpart in the clean prompt, so not patchable");
    for (const token of [alone, other]) {
      expect(token.getAttribute("aria-disabled")).toBe("true");
      page.click(token);
    }
    expect(page.get(".where").textContent).toBe("all positions");
    alone.dispatchEvent(new PointerEvent("pointerenter"));
    expect(about()).toBe(
      "position 4 · clean ␣both · no counterpart in the corrupted prompt, so not patchable",
    );
  });

  it("steps over it", () => {
    const step = (label: string) => page.click(page.get(`[aria-label="${label}"]`));
    step("next position");
    expect(page.get(".where").textContent).toBe("@3 ␣Lee");
    step("next position");
    expect(page.get(".where").textContent).toBe("@5 ␣went");
    step("previous position");
    expect(page.get(".where").textContent).toBe("@3 ␣Lee");
  });

  it("marks its cells in a map, and answers a click there with the reason", () => {
    const cell = page.get('[data-map="positions"] [data-site="L1.resid_pre@4"]');
    expect(cell.classList.contains("unpatchable")).toBe(true);
    expect(cell.getAttribute("aria-label")).toContain("no counterpart");
    expect(page.all('[data-map="positions"] .unpatchable')).toHaveLength(4);
    expect(page.get(".chart.positions .map-note").textContent).toContain(
      "4 without a counterpart (×).",
    );
    const before = patches().length;
    page.click(cell);
    expect(patches()).toHaveLength(before);
    expect(page.el.textContent).toContain(
      "No L1.resid_pre@4 here: position 4 has no counterpart in the corrupted prompt, so not patchable.",
    );
    cell.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
    expect(about()).toContain("no counterpart in the corrupted prompt");
  });

  it("does not patch at a position that Python chose and that has none", () => {
    page.model.set("position", 4);
    const before = patches().length;
    page.click(page.get('[data-run="patched"] [data-site="L1.H2"]'));
    expect(patches()).toHaveLength(before);
    expect(page.el.textContent).toContain("No L1.H2@4 here: position 4 has no counterpart");
  });

  it("keeps it in a saved notebook", () => {
    const saved = decodeSnapshot(JSON.parse(JSON.stringify(page.model.get("snapshot"))));
    expect(saved?.scene.task.counterparts[4]).toBeNull();
    const map = Object.values(saved?.maps ?? {}).find((each) => each.across === "pos");
    expect([...(map?.unpatchable ?? [])]).toEqual([4, 19, 34, 49]);
    expect(saved && encodeSnapshot(saved)).toBeDefined();
  });
});
