import { beforeEach, describe, expect, it, vi } from "vitest";
import { huge, smollm } from "../fixtures/worlds";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const settle = () => vi.advanceTimersByTime(200);

const beads = (lane: string) => page.all(`[data-run="${lane}"] .bead`);

const read = (run: string) => page.get(`[data-lens-run="${run}"]`).dataset;

describe("the lens", () => {
  beforeEach(() => page.showMaps(smollm()));

  it("is off until it is asked for, by the switch or by its key", () => {
    settle();
    expect(page.sent("lens")).toEqual([]);
    expect(page.get(".lens-switch").getAttribute("aria-pressed")).toBe("false");
    page.press(page.cell("L3.H1"), "t");
    settle();
    expect(page.sent("lens")).toEqual([
      {
        ...{ v: 1, kind: "lens", id: expect.any(Number), method: "logit", position: 13 },
        ...{ patches: [], direction: "denoise", metric: "logit_diff", pair: "mean" },
      },
    ]);
    expect(page.get(".lens-switch").getAttribute("aria-pressed")).toBe("true");
  });

  it("strings beads on the stream of every lane, from the first layer to the last", () => {
    page.click(page.get(".lens-switch"));
    settle();
    for (const lane of ["clean", "patched", "corrupted"]) {
      const all = beads(lane).map(({ dataset }) => [Number(dataset.first), Number(dataset.last)]);
      expect(all[0]?.[0]).toBe(0);
      expect(all.at(-1)?.[1]).toBe(29);
      for (const [i, [first]] of all.entries())
        if (i > 0) expect(first).toBe((all[i - 1]?.[1] ?? 0) + 1);
    }
    expect(beads("clean").at(-1)?.dataset.token).toBe(" Mary");
    expect(beads("clean").at(-1)?.classList.contains("says-answer")).toBe(true);
  });

  it("says in the read-out what each run would say, with all digits", () => {
    page.click(page.cell("L23.H3"));
    page.click(page.get(".lens-switch"));
    settle();
    page.press(page.cell("L29.resid_post"), "ArrowDown");
    page.cell("L29.resid_post").focus();
    expect(page.text(".about")).toMatch(
      /^stream after layer 29 · clean ␣Mary \d.* %, answer #1 .* · patched ␣Mary .* · corrupted /,
    );
    expect(read("clean").token).toBe(" Mary");
    expect(Number(read("clean").prob)).toBeCloseTo(0.9, 5);
    expect(read("clean").rank).toBe("1");
    expect(Number(read("corrupted").rank)).toBeGreaterThan(1);
    expect(page.cell("L29.resid_post").getAttribute("aria-label")).toContain("would say ␣Mary");
    page
      .cell("L3.resid_post", "clean")
      .dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    expect(page.text(".about")).toMatch(/^stream after layer 3 /);
  });

  it("reads at the chosen position and under the patch, and says which", () => {
    page.click(page.get(".lens-switch"));
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    settle();
    expect(page.sent("lens").at(-1)).toMatchObject({ position: 9 });
    expect(page.text(".lens-line")).toContain("at @9 ␣John");
    page.click(page.cell("L23.H3"));
    expect(page.get(".beads").getAttribute("class")).toContain("stale");
    settle();
    expect(page.get(".beads").getAttribute("class")).not.toContain("stale");
    const patches = [{ site: "L23.H3@9", source: "source" }];
    expect(page.sent("lens").at(-1)).toMatchObject({ position: 9, patches });
  });

  it("is the Jacobian lens where there is one, and off again", () => {
    page.press(page.cell("L3.H1"), "t");
    settle();
    page.click(page.get('[data-method="jacobian"]'));
    settle();
    expect(page.sent("lens").at(-1)).toMatchObject({ method: "jacobian" });
    expect(page.get(".beads").dataset.lens).toBe("jacobian");
    page.press(page.cell("L3.H1"), "t");
    settle();
    expect(page.all(".bead")).toEqual([]);
    expect(page.all(".lens-line")).toEqual([]);
    page.press(page.cell("L3.H1"), "t");
    page.press(page.cell("L3.H1"), "t");
    settle();
    expect(page.sent("lens").map((m) => m.method)).toEqual(["logit", "jacobian"]);
    expect(page.get(".beads").dataset.lens).toBe("jacobian");
  });

  it("says why it cannot read", () => {
    const answer = page.model.answer;
    page.model.answer = (message) => {
      const error = { v: 1, kind: "error", id: message.id, code: "LensError", details: "" };
      if (message.kind === "lens") page.model.receive({ ...error, message: "Not finite" });
      else answer?.(message);
    };
    page.click(page.get(".lens-switch"));
    settle();
    expect(page.text(".lens-line .said")).toBe("Not finite. Ask again");
    expect(page.sent("lens")).toHaveLength(1);
    page.model.answer = answer;
    page.click(page.get(".lens-line .said button"));
    settle();
    expect(beads("clean")).not.toHaveLength(0);
  });

  it("has nothing that axe finds wrong", async () => {
    page.click(page.get(".lens-switch"));
    settle();
    vi.useRealTimers();
    expect(await violations(page.el)).toEqual([]);
  });
});

it("shows the beads of the layers that are shown", () => {
  page.width = 700;
  page.showMaps(huge());
  page.click(page.get('[title="more"]'));
  page.click(page.get(".lens-switch"));
  settle();
  const lasts = beads("clean").map(({ dataset }) => Number(dataset.last));
  expect(Math.max(...lasts)).toBeLessThan(79);
});
