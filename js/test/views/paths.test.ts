import { describe, expect, it, vi } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm, sweeping, tiny } from "../fixtures/worlds";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const patched = () => page.sent("patch").at(-1)?.patches as { site: string }[];

const sites = () => patched().map(({ site }) => site);

function startPath(sender: string): void {
  page.click(page.get('[data-mode="path"]'));
  page.click(page.cell(sender));
}

describe("path mode", () => {
  it("takes a sender, a receiver and its part, and says what the path carries of what", () => {
    page.showMaps(smollm());
    page.click(page.get('[data-mode="path"]'));
    expect(page.text(".path-step")).toContain("choose what sends");
    page.click(page.cell("L20.H0"));
    expect(page.text(".path-step")).toContain("L20.H0 → now choose what receives it");
    expect(page.all(".veil")).toHaveLength(3);
    page.click(page.cell("L23.H3"));
    expect(page.all(".path-step [data-receiver]").map((b) => b.dataset.receiver)).toEqual([
      "L23.H3.q",
      "L23.KV1.k",
      "L23.KV1.v",
    ]);
    expect(page.sent("patch")).toHaveLength(0);
    page.click(page.get('[data-receiver="L23.H3.q"]'));
    expect(patched()).toEqual([{ site: "L20.H0->L23.H3.q", source: "source" }]);
    expect(page.text(".finding")).toBe(
      "L20.H0 → L23.H3 through its queries carries −0.390 of +6.77.",
    );
    expect(page.text(".caption")).toContain("Only L23.H3's queries see L20.H0's clean value");
    expect(page.text(".caption")).toContain("All of L23.H3: +6.77.");
    expect(page.result()?.site).toBe("L20.H0->L23.H3.q");
    const line = page.get('[data-path="L20.H0->L23.H3.q"]');
    expect(line.querySelectorAll(".patch-arrow")).toHaveLength(1);
    expect(page.all(".arrows .patch-arrow")).toHaveLength(1);
    expect(page.all('[data-run="patched"] .ring.patched')).toHaveLength(2);
    const history = page.all('[role="tab"]').find((tab) => tab.textContent === "History");
    if (history !== undefined) page.click(history);
    expect(page.text('[data-history="1"]')).toContain("L20.H0 → L23.H3.q");
  });

  it("is all done with keys, and steps back with Escape", () => {
    page.showMaps(smollm());
    const start = page.cell("L20.H0");
    start.focus();
    page.press(start, "e");
    page.press(page.cell("L20.H0"), "Enter");
    page.press(page.cell("L23.H3"), "Enter");
    page.press(page.cell("L23.H3"), "k");
    expect(sites()).toEqual(["L20.H0->L23.KV1.k"]);
    page.press(page.cell("L23.H3"), "Escape");
    expect(page.result()).toBeUndefined();
    expect(page.text(".path-step")).toContain("L20.H0 → now choose");
    page.press(page.cell("L23.H3"), "o");
    expect(sites()).toEqual(["L20.H0->logits"]);
    expect(page.text(".finding")).toMatch(/^L20.H0 → logits carries .* of \+2\.51\.$/);
    for (const _ of [1, 2]) page.press(page.cell("L23.H3"), "Escape");
    expect(page.text(".path-step")).toContain("choose what sends");
    page.press(page.cell("L23.H3"), "Escape");
    expect(page.all(".path-step")).toHaveLength(0);
    page.press(page.cell("L23.H3"), "q");
    expect(page.get('[data-mode="patch"]').getAttribute("aria-pressed")).toBe("true");
  });

  it("steps back by Escape while Python is still at the last step", () => {
    serve(page.model, sweeping(smollm()), 500);
    page.show();
    vi.advanceTimersByTime(600);
    startPath("L20.H0");
    page.click(page.cell("L23.mlp_out"));
    vi.advanceTimersByTime(600);
    const steps = [1, 2, 3].map(() => {
      page.press(page.cell("L23.H3"), "Escape");
      return page.all("[data-step]")[0]?.dataset.step;
    });
    expect(steps).toEqual(["receiver", "sender", undefined]);
  });

  it("goes on with Shift: each click is a further step", () => {
    page.showMaps(tiny());
    startPath("L0.H1");
    page.click(page.cell("L1.mlp_out"));
    expect(sites()).toEqual(["L0.H1->L1.mlp_in"]);
    page.click(page.cell("L2.H3"), { shiftKey: true });
    page.click(page.get('[data-receiver="L2.H3.q"]'));
    expect(sites()).toEqual(["L0.H1->L1.mlp_in->L2.H3.q"]);
    expect(page.all(".arrows .patch-arrow")).toHaveLength(2);
    page.press(page.cell("L2.H3"), "Escape");
    expect(sites()).toEqual(["L0.H1->L1.mlp_in"]);
    page.click(page.cell("L0.H2"));
    expect(page.text(".path-step")).toContain("L0.H2 → now choose");
  });

  it("says what sends nothing, receives nothing, or comes too early", () => {
    page.showMaps(tiny());
    page.click(page.get('[data-mode="path"]'));
    page.click(page.cell("L1.resid_post"));
    expect(page.text(".status")).toContain("L1.resid_post sends nothing itself");
    page.click(page.cell("L2.H0"));
    page.click(page.cell("L2.attn_out"));
    expect(page.text(".status")).toContain("L2.attn_out receives nothing");
    page.click(page.cell("L1.H0"));
    expect(page.text(".status")).toContain("L1.H0 reads the stream before L2.H0 has written");
    expect(page.sent("patch")).toHaveLength(0);
  });

  it("knows that attention and MLP may run in parallel", () => {
    const world = tiny();
    const model = { ...(world.scene.model as object), parallel: true };
    page.showMaps({ ...world, scene: { ...world.scene, model } });
    startPath("L1.H0");
    page.click(page.cell("L1.mlp_out"));
    expect(page.text(".status")).toContain("attention and MLP run in parallel");
    page.click(page.cell("L2.mlp_out"));
    expect(sites()).toEqual(["L1.H0->L2.mlp_in"]);
  });

  it("writes at the selected position, and moves with it", () => {
    page.showMaps(tiny());
    page.click(page.get('[data-run="clean"] [data-token="9"]'));
    startPath("L0.mlp_out");
    page.click(page.cell("L1.mlp_out"));
    expect(sites()).toEqual(["L0.mlp_out@9->L1.mlp_in"]);
    page.click(page.get('[data-run="clean"] [data-token="3"]'));
    expect(sites()).toEqual(["L0.mlp_out@3->L1.mlp_in"]);
  });

  it("is undone, redone, replayed and written as code like a patch", () => {
    page.showMaps(tiny());
    page.click(page.cell("L2.H1"));
    startPath("L0.H1");
    page.click(page.cell("L1.mlp_out"));
    page.press(page.cell("L1.mlp_out"), "z");
    expect(sites()).toEqual(["L2.H1"]);
    page.press(page.cell("L1.mlp_out"), "Z", { shiftKey: true });
    expect(sites()).toEqual(["L0.H1->L1.mlp_in"]);
    page.click(page.get(".toolbar [data-panel=export]"));
    expect(page.text(".panel.export pre")).toBe('r = exp.path("L0.H1", "L1.mlp_in")');
  });

  it("is also typed, whatever the mode", () => {
    page.showMaps(smollm());
    page.press(page.cell("L20.H0"), "/");
    const input = page.get<HTMLInputElement>(".site-box input");
    input.value = "L20.H0 -> L23.H3.q";
    page.get(".site-box").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    expect(sites()).toEqual(["L20.H0->L23.H3.q"]);
    expect(page.result()?.site).toBe("L20.H0->L23.H3.q");
    expect(page.all(".path-step")).toHaveLength(0);
    expect(page.all("[data-path]")).toHaveLength(1);
  });

  it("keeps a path in a saved notebook", () => {
    page.showMaps(smollm());
    startPath("L20.H0");
    page.click(page.cell("L23.H3"));
    page.click(page.get('[data-receiver="L23.H3.q"]'));
    page.reopen();
    expect(page.text(".finding")).toContain("L20.H0 → L23.H3 through its queries carries −0.390");
    expect(page.all("[data-path]")).toHaveLength(1);
  });

  it("passes axe in each step", async () => {
    page.showMaps(tiny());
    startPath("L0.H1");
    page.click(page.cell("L1.H2"));
    vi.useRealTimers();
    expect(await violations(page.el)).toEqual([]);
  });
});
