import { describe, expect, it, vi } from "vitest";
import { tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const idle = () => vi.advanceTimersByTime(600);

const title = (map: string) => page.text(`.chart.${map} .scope`);

describe("one scope", () => {
  it("is said by the toolbar and by the title of each map", () => {
    page.showMaps(tiny());
    expect(page.text(".where")).toBe("all positions");
    expect(title("heads")).toBe("at all positions");
    expect(title("positions")).toBe("at one position");
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    idle();
    expect(page.text(".where")).toBe("@9 ␣Mary");
    expect(title("heads")).toBe("at @9 ␣Mary");
  });

  it("is what a click patches and what the map shows: heads at the chosen position", () => {
    page.showMaps(tiny());
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    idle();
    expect(page.sent("sweep").at(-1)?.maps).toEqual([
      { name: "heads", component: "z", over: ["layer", "head"], position: "9" },
    ]);
    page.click(page.mapCell("heads", "L1.H2@9"));
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L1.H2@9" }] });
    expect(page.all('[data-map="heads"] .ring.selected')).toHaveLength(1);
    const share = page.mapCell("heads", "L1.H2@9").getAttribute("aria-label");
    expect(page.text(".about")).toContain(share?.split(", ")[1] ?? "nothing");
    page.click(page.cell("L2.resid_post", "clean"));
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L2.resid_post@9" }] });
  });

  it("follows a cell of the map over positions, a typed site, the history and undo", () => {
    page.showMaps(tiny());
    page.click(page.mapCell("positions", "L2.resid_pre@5"));
    expect(page.text(".where")).toBe("@5 ␣to");
    idle();
    expect(title("heads")).toContain("@5 ␣to");
    page.click(page.mapCell("positions", "L2.resid_pre@-1"));
    expect(page.text(".where")).toBe("@13 ␣to");
    page.press(page.cell("L1.resid_post"), "z");
    expect(page.text(".where")).toBe("@5 ␣to");
    page.press(page.cell("L1.resid_post"), "a");
    expect(page.text(".where")).toBe("all positions");
    expect(page.sent("patch").at(-1)).toMatchObject({ patches: [{ site: "L2.resid_pre" }] });
  });

  it("stays where a joint patch is at several positions, and then rings only what it patches", () => {
    page.showMaps(tiny());
    page.click(page.mapCell("positions", "L2.resid_pre@9"));
    idle();
    page.click(page.mapCell("heads", "L1.H2@9"), { shiftKey: true });
    page.click(page.mapCell("positions", "L2.resid_pre@-1"), { shiftKey: true });
    expect(page.text(".where")).toBe("@9 ␣Mary");
    page.click(page.get(".where"));
    idle();
    expect(page.text(".where")).toBe("all positions");
    expect(page.sent("patch").at(-1)?.patches).toHaveLength(3);
    expect(page.all('[data-map="heads"] .ring.selected')).toHaveLength(0);
    expect(page.all('[data-map="heads"] [tabindex="0"]')).toHaveLength(1);
  });

  it("does not ask again for a map that is known", () => {
    page.showMaps(tiny());
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    idle();
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    idle();
    expect(page.text(".where")).toBe("all positions");
    expect(page.sent("sweep")).toHaveLength(2);
    expect(page.mapNote("heads")).toBe("Exact: 16 of 16.");
  });

  it("is read out under the pointer: what a click there would patch", () => {
    page.showMaps(tiny());
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    idle();
    page.cell("L1.H2").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    expect(page.text(".about")).toMatch(/^L1\.H2@9 · .*share/);
  });

  it("knows a range and a name", () => {
    page.showMaps(tiny());
    page.model.set("position", "3:7");
    idle();
    expect(page.text(".where")).toBe("@3:7");
    page.click(page.mapCell("heads", "L1.H2@3:7"));
    expect(page.text(".where")).toBe("@3:7");
    page.model.set("position", "S2");
    idle();
    expect(page.text(".where")).toBe("@9 ␣Mary");
    expect(page.sent("sweep").at(-1)?.maps).toMatchObject([{ position: "S2" }]);
  });
});
