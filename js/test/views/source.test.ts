import { describe, expect, it, vi } from "vitest";
import { smollm, sweeping } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const asked = () => page.sent("patch").at(-1) as unknown as Record<string, unknown>;

const swept = () => page.sent("sweep").at(-1) as unknown as Record<string, unknown>;

const choose = (value: string) => page.choose("select.from", value);

const STEER = { kind: "steer", vector: "clean - corrupted", alpha: 1 };

describe("what is put into what", () => {
  it("turns with either run, with N and with the button", () => {
    page.showMaps(smollm());
    choose("corrupted");
    expect(asked()).toMatchObject({ direction: "noise", patches: [] });
    expect(page.get("select.host").dataset.host).toBe("clean");
    page.choose("select.host", "corrupted");
    expect(asked()).toMatchObject({ direction: "denoise" });
    page.press(page.cell("L23.H3"), "n");
    expect(asked()).toMatchObject({ direction: "noise" });
    page.click(page.get('[data-direction="denoise"]'));
    expect(page.get("select.from").dataset.source).toBe("clean");
  });

  it("puts an ablation into the clean run, in grey, and asks for its maps", () => {
    page.showMaps(smollm());
    page.click(page.cell("L23.H3"));
    choose("zero");
    const patches = [{ site: "L23.H3", source: { kind: "zero" } }];
    expect(asked()).toMatchObject({ direction: "noise", source: { kind: "zero" }, patches });
    expect(page.text(".finding")).toMatch(/^Setting L23.H3 to zero costs \d+ % of the difference/);
    expect(page.text(".caption")).toMatch(/^The clean run with L23.H3 set to zero; a large drop/);
    expect(page.get('[data-run="patched"]').classList.contains("ablated")).toBe(true);
    expect(page.all(".patch-arrow")).toHaveLength(0);
    expect(page.all(".gauge-fill.clean, .gauge-fill.corrupted")).toHaveLength(0);
    expect(page.text('[data-run="corrupted"] .gutter p')).toBe("unpatched");
    page.click(page.cell("L20.H0"));
    expect(asked()).toMatchObject({
      patches: [{ site: "L20.H0", source: { kind: "zero" } }],
    });
    vi.advanceTimersByTime(600);
    expect(swept()).toMatchObject({ source: { kind: "zero" }, direction: "noise" });
    choose("clean");
    expect(asked()).toMatchObject({ patches: [{ site: "L20.H0", source: "source" }] });
    expect(asked().source).toBeUndefined();
  });

  it("keeps the host that was chosen when the ablation changes, and undoes both", () => {
    page.showMaps(smollm());
    page.click(page.cell("L23.H3"));
    choose("zero");
    page.choose("select.host", "corrupted");
    choose("mean");
    expect(asked()).toMatchObject({ direction: "denoise", source: { kind: "mean", per: null } });
    expect(page.text(".finding")).toContain("Setting L23.H3 to its mean over positions");
    page.press(page.cell("L23.H3"), "z");
    expect(asked()).toMatchObject({ direction: "denoise", source: { kind: "zero" } });
    expect(page.get("select.from").dataset.source).toBe("zero");
  });

  it("steers with a slider, towards the other run", () => {
    page.showMaps(smollm());
    page.click(page.cell("L23.H3"));
    choose("steer");
    expect(asked()).toMatchObject({ direction: "denoise", source: STEER });
    const slider = page.get<HTMLInputElement>(".dose input");
    slider.value = "0.5";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    expect(asked()).toMatchObject({
      patches: [{ site: "L23.H3", source: { ...STEER, alpha: 0.5 } }],
    });
    expect(page.text(".caption")).toContain("0.500 × (clean − corrupted) added to L23.H3");
    choose("corrupted");
    choose("steer");
    expect(asked()).toMatchObject({ direction: "noise", source: { ...STEER, alpha: -1 } });
  });

  it("reads another position of the site that is patched", () => {
    page.showMaps(smollm());
    page.click(page.cell("L23.H3"));
    choose("at");
    const source = { kind: "at", site: "L23.H3@9" };
    expect(asked()).toMatchObject({
      source: { kind: "at", pos: 9 },
      patches: [{ site: "L23.H3", source }],
    });
    page.choose("select.elsewhere", "3");
    expect(asked()).toMatchObject({
      patches: [{ site: "L23.H3", source: { kind: "at", site: "L23.H3@3" } }],
    });
    expect(page.text(".finding")).toContain("Giving L23.H3 its clean value of @3");
  });

  it("puts noise onto tokens, not into boxes, and shows how draws vary", () => {
    page.showMaps(smollm());
    choose("noise");
    expect(page.text(".finding")).toMatch(/^Click a token: the clean prompt is run again/);
    const before = page.sent("patch").length;
    page.click(page.cell("L23.H3"));
    expect(page.sent("patch")).toHaveLength(before);
    expect(page.text("[data-status=notice]")).toContain("click a token of the prompt");
    expect(page.text(".chart.heads .none")).toMatch(/^No map: noise/);
    page.click(page.get('[data-run="patched"] [data-token="9"]'));
    const noise = { kind: "noise", scale: 3, n: 5, seed: 0 };
    expect(asked()).toMatchObject({ patches: [{ site: "embed@9", source: noise }] });
    expect(page.text(".finding")).toMatch(/^Noise on embed@9 /);
    expect(page.text(".caption")).toContain("with noise on embed@9, 5 draws");
    expect(page.text(".stats")).toContain("± 0.800");
  });

  it("says why a source is not there, and shows what Python has chosen", () => {
    page.showMaps(smollm());
    const option = page.get<HTMLOptionElement>('option[value="resample"]');
    expect([option.disabled, option.title]).toEqual([
      true,
      "there are no other prompts; give the experiment a dataset of pairs",
    ]);
    page.model.set("source", { kind: "resample", n: 3, seed: 7 });
    page.model.trigger("change:source");
    expect(page.get("select.from").dataset.source).toBe("resample");
    page.click(page.cell("L23.H3"));
    expect(asked()).toMatchObject({
      patches: [{ site: "L23.H3", source: { kind: "resample", n: 3, seed: 7 } }],
    });
    page.model.set("source", { kind: "<img>" });
    page.model.trigger("change:source");
    expect(page.get("select.from").dataset.source).toBe("resample");
  });

  it("keeps what was patched with the notebook", () => {
    page.showMaps(smollm());
    page.click(page.cell("L23.H3"));
    choose("zero");
    const said = page.text(".finding");
    page.reopen();
    expect(page.text(".finding")).toBe(said);
    expect(page.get("select.from").dataset.source).toBe("zero");
  });
});

it("plain worlds offer the sources too", () => {
  page.showMaps(sweeping(smollm()));
  expect(page.all("select.from option")).toHaveLength(8);
});
