import { beforeEach, describe, expect, it, vi } from "vitest";
import { serve } from "../fixtures/kernel";
import { replay } from "../fixtures/recorded";
import { smollm, tiny } from "../fixtures/worlds";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("with the recorded answers of Python", () => {
  beforeEach(() => {
    replay(page.model);
    page.show();
  });

  it("draws three lanes in order, each component once in each that is full", () => {
    page.click(page.get("[data-lanes=slim]"));
    const lanes = page.all("[data-run]").map((lane) => lane.getAttribute("data-run"));
    expect(lanes).toEqual(["clean", "patched", "corrupted"]);
    for (const lane of lanes) {
      const sites = page
        .all(`[data-run="${lane}"] svg [data-site]`)
        .map((c) => c.getAttribute("data-site"));
      expect(sites).toHaveLength(30 * (9 + 3));
      expect(new Set(sites).size).toBe(sites.length);
    }
  });

  it("offers the strongest head as a first step, once its map is known", () => {
    expect(page.el.querySelector("[data-first-step]")).toBeNull();
    page.dispose();
    replay(page.model, 1);
    page.show();
    vi.advanceTimersByTime(600);
    expect(page.text("[data-first-step]")).toBe("Try the strongest head: L23.H3");
    page.click(page.get("[data-first-step]"));
    expect(page.result()?.site).toBe("L23.H3");
    expect(page.el.querySelector("[data-first-step]")).toBeNull();
  });

  it("names no head on a page with questions", () => {
    page.dispose();
    Object.assign(page.model, { saved: true, quiz: true });
    replay(page.model, 1);
    page.show();
    vi.advanceTimersByTime(600);
    expect(page.el.querySelector("[data-first-step]")).toBeNull();
    expect(page.text(".caption")).toContain("Joint patches and paths need Python.");
  });

  it("says where to click before anything is patched", () => {
    expect(page.text(".finding")).toBe(
      "Click any box: the corrupted prompt is run again with that box's clean value.",
    );
    expect(page.result()).toBeUndefined();
  });

  it("patches on a click and holds the numbers out to scripts", () => {
    page.click(page.cell("L23.H3"));
    expect(page.model.last()).toMatchObject({
      kind: "patch",
      patches: [{ site: "L23.H3", source: "source" }],
      direction: "denoise",
      metric: "logit_diff",
    });
    expect(page.result()).toMatchObject({ site: "L23.H3", metric: "logit_diff" });
    expect(Number(page.result()?.effect)).toBeCloseTo(6.7749, 4);
    expect(Number(page.result()?.recovery)).toBeCloseTo(0.5838, 4);
    expect(page.text(".finding")).toBe(
      "L23.H3 restores 58 % of the difference and puts ␣Mary back on top.",
    );
    expect(page.text('[data-run="patched"] .outputs')).toBe(
      "logit diff +1.29␣Mary49.5 %␣John13.6 %␣the11.5 %␣her7.5 %␣James1.8 %",
    );
  });

  it("fills what the patch reached, marks what it cannot reach, and draws one arrow", () => {
    page.click(page.cell("L23.H3"));
    expect(page.all('[data-run="patched"] .patched-cell')).toHaveLength(1);
    expect(page.all('[data-run="patched"] .zero').length).toBeGreaterThan(23 * 9);
    expect(page.all('[data-run="patched"] .reach').length).toBeGreaterThan(20);
    expect(page.all('[data-run="clean"] .reach')).toHaveLength(0);
    expect(page.all(".patch-arrow")).toHaveLength(1);
    expect(page.cell("L23.H3").getAttribute("aria-selected")).toBe("true");
  });

  it("adds with Shift and says whether the parts do more than their sum", () => {
    page.click(page.cell("L23.H3"));
    page.click(page.cell("L20.H0"), { shiftKey: true });
    expect(page.result()?.site).toBe("L23.H3 + L20.H0");
    expect(page.text(".caption")).toBe(
      "Together +11.4; alone +6.77 and +2.50 (sum +9.28): more than the sum. Enough for 98 % here; not shown to be needed.",
    );
    page.click(page.cell("L20.H0"), { shiftKey: true });
    expect(page.result()?.site).toBe("L23.H3");
  });

  it("flips the direction with N, the arrow then comes from below", () => {
    page.click(page.cell("L23.H3"));
    page.press(page.cell("L23.H3"), "n");
    expect(page.text(".finding")).toBe(
      "Corrupting L23.H3 costs 61 % of the difference and puts ␣John on top.",
    );
    expect(page.text('[data-run="patched"] .gutter p')).toBe("clean prompt with corrupted L23.H3");
    expect(page.get('[data-run="patched"]').classList.contains("host-clean")).toBe(true);
  });

  it("shows another metric of the same run", () => {
    page.click(page.cell("L23.H3"));
    page.choose(".metric-select", "kl");
    expect(page.result()).toMatchObject({ metric: "kl" });
    expect(page.text('[data-run="patched"] .metric')).toBe("KL from clean 0.496");
  });

  it("says what is wrong with a site, beside the last answer", () => {
    page.click(page.cell("L23.H3"));
    page.click(page.cell("L5.H5"));
    expect(page.text("[data-status=error]")).toContain("L99.H3: layer 99 is out of range");
    expect(page.result()?.site).toBe("L23.H3");
  });

  it("undoes, redoes and replays", () => {
    page.click(page.cell("L23.H3"));
    page.click(page.cell("L20.H0"), { shiftKey: true });
    page.press(page.cell("L23.H3"), "z");
    expect(page.result()?.site).toBe("L23.H3");
    page.press(page.cell("L23.H3"), "Z", { shiftKey: true });
    expect(page.result()?.site).toBe("L23.H3 + L20.H0");
    page.get('[data-history="1"]').dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(page.result()?.site).toBe("L23.H3");
  });

  it("keeps the picture on the model for a page without Python", () => {
    page.click(page.cell("L23.H3"));
    page.reopen();
    expect(page.result()?.site).toBe("L23.H3");
    vi.advanceTimersByTime(5000);
    expect(page.text("[data-status=gone]")).toContain(
      "No Python is answering. Run this cell again. You see the last result, L23.H3.",
    );
    expect(page.all('[data-run="patched"] .reach').length).toBeGreaterThan(20);
  });

  it("announces a patch in one sentence", () => {
    page.click(page.cell("L23.H3"));
    expect(page.text("[aria-live]")).toBe(
      "L23.H3 restores 58 % of the difference and puts ␣Mary back on top. Logit diff +1.29, effect +6.77.",
    );
  });
});

describe("waiting", () => {
  it("rings the cell at once and says after 300 ms that the kernel is busy", () => {
    serve(page.model, smollm());
    page.show();
    page.model.answer = undefined;
    page.click(page.cell("L23.H3"));
    expect(page.all(".ring.pending")).toHaveLength(2);
    expect(page.all(".patch-arrow.pending")).toHaveLength(1);
    expect(page.el.querySelector("[data-status]")).toBeNull();
    vi.advanceTimersByTime(300);
    expect(page.text("[data-status=busy]")).toBe(
      "●The kernel is busy with another cell. L23.H3 is waiting. Cancel",
    );
    page.get("[data-status=busy] button").dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(page.model.last().kind).toBe("cancel");
    expect(page.all(".ring.pending")).toHaveLength(0);
  });

  it("says that the kernel restarted", () => {
    serve(page.model, smollm());
    page.show();
    page.model.trigger("comm_live_update", { model: { comm_live: false } });
    expect(page.text("[data-status=restarted]")).toContain(
      "The kernel restarted. Run the notebook from the top.",
    );
  });
});

it("passes axe", async () => {
  vi.useRealTimers();
  serve(page.model, tiny());
  page.show();
  page.click(page.cell("L1.H2"));
  expect(await violations(page.el)).toEqual([]);
});
