import { describe, expect, it } from "vitest";
import { sceneMessage, serve } from "../fixtures/kernel";
import { huge, long, markup, smollm } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("other worlds", () => {
  it("shows tokens that look like HTML as text", () => {
    serve(page.model, markup());
    page.show();
    page.click(page.cell("L1.H1"));
    expect(page.all("img, b > b, i > i, script, .token i")).toHaveLength(0);
    expect(page.text('[data-run="clean"] [data-token="0"]')).toBe("<b>When</b>");
    expect(page.text('[data-run="clean"] [data-token="1"]')).toBe("␣<img␣src=x␣onerror=alert(1)>");
    expect(page.text('[data-run="clean"] [data-token="2"]')).toBe("&amp;");
    expect(page.text('[data-run="clean"] [data-token="3"]')).toBe("⏎");
    expect(page.text("h2")).toBe("<i>model</i>");
  });

  it("shows the characters of byte-level tokens, and the parts of one as faint bytes", () => {
    const clean = ["‹E6›", "日", "‹E6›", "‹9C›", "本", " is"];
    const corrupted = ["‹E6›", "日", "‹E4›", "‹B8›", "中", " is"];
    serve(page.model, smollm({ layers: 3, heads: 2, clean, corrupted, differs: [2, 3, 4] }));
    page.show();
    const row = page.get('[data-run="clean"] .token-row');
    expect(row.textContent?.replace(/\s/g, "")).toBe("‹E6›日‹E6›‹9C›本␣is");
    expect(page.all('[data-run="clean"] .token .bytes').map((b) => b.textContent)).toEqual([
      "‹E6›",
      "‹E6›",
      "‹9C›",
    ]);
    page.get('[data-run="clean"] [data-token="3"]').dispatchEvent(new Event("pointerenter"));
    expect(page.text(".about")).toBe(
      "position 3 · clean ‹9C› · corrupted ‹B8› · ‹bytes› of a character that ends at a later token",
    );
  });

  it("draws no bar for a token without a probability", () => {
    const world = smollm();
    const top = [{ token: " is", logit: null, prob: null }];
    const runs = { clean: { values: {}, top }, corrupted: { values: {}, top } };
    serve(page.model, { ...world, scene: { ...world.scene, runs } });
    page.show();
    expect(page.text('[data-run="clean"] .out .num')).toBe("–");
    const bar = page.el.querySelector<HTMLElement>('[data-run="clean"] .out .bar');
    expect(Number.parseFloat(bar?.style.width ?? "")).toBe(0);
  });

  it("unfolds all rows at once, and folds them again", () => {
    serve(page.model, long());
    page.show();
    const shown = (lane: string) => page.all(`[data-run="${lane}"] .token`).length;
    expect(page.all(".fold.again")).toHaveLength(0);
    page.click(page.get('[data-run="clean"] .fold'));
    expect(["clean", "patched", "corrupted"].map(shown)).toEqual([200, 200, 200]);
    page.click(page.get('[data-run="corrupted"] .fold.again'));
    expect(shown("clean")).toBeLessThan(200);
  });

  it("has no way back where everything fits, although another prompt was unfolded", () => {
    serve(page.model, long());
    page.show();
    page.click(page.get('[data-run="clean"] .fold'));
    page.model.receive(sceneMessage(smollm(), 1));
    expect(page.all(".fold")).toHaveLength(0);
  });

  it("folds a long identical prefix and never the differing word", () => {
    serve(page.model, long());
    page.show();
    expect(page.text('[data-run="corrupted"] .fold')).toMatch(
      /^⋯ 18\d identical tokens · exactly 0$/,
    );
    expect(page.text('[data-run="corrupted"] .differs')).toBe("␣Mary");
    expect(page.text('[data-run="clean"] .differs')).toBe("␣John");
  });

  it("shows a window of a large model's layers and follows what is patched", () => {
    serve(page.model, huge());
    page.show();
    expect(page.el.querySelector('[data-site="L79.H0"]')).toBeNull();
    page.model.receive({ v: 1, kind: "ack", id: 1 });
    page.model.set("selection", ["L70.H17"]);
    expect(page.cell("L70.H17")).toBeDefined();
    expect(page.get(".overview").getAttribute("aria-label")).toMatch(
      /^Layers \d+ to \d+ of 80 are shown$/,
    );
  });

  it("explains an undefined recovery, and gives it out as NaN", () => {
    serve(page.model, smollm({ values: [6.12, 6.12] }));
    page.show();
    page.click(page.cell("L23.H3"));
    expect(page.text(".finding")).toBe(
      "No recovery: both prompts give +6.12. Change a prompt, the answer or the metric.",
    );
    expect(page.result()?.recovery).toBe("NaN");
    expect(page.el.querySelector(".knob")).toBeNull();
  });

  it("refuses what the model does not have, with the reason and without asking", () => {
    serve(page.model, smollm({ refused: { z: "heads cannot be told apart in this model" } }));
    page.show();
    const before = page.model.sent.length;
    page.click(page.cell("L3.H2"));
    expect(page.text("[data-status=notice]")).toBe(
      "No L3.H2 here: heads cannot be told apart in this model.",
    );
    expect(page.model.sent).toHaveLength(before);
  });

  it("shows the task's warnings", () => {
    serve(page.model, smollm({ warnings: ["effects explain little <here>"] }));
    page.show();
    expect(page.text(".warnings")).toBe("effects explain little <here>");
  });
});
