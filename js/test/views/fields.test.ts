import { describe, expect, it, vi } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm, sweeping, tiny } from "../fixtures/worlds";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const FIELD = '[data-of="heads"] [aria-label="what the cells say"]';

const options = (selector: string) =>
  [...page.get<HTMLSelectElement>(selector).options].map(({ text }) => text);

function choose(selector: string, value: string): void {
  page.choose(selector, value);
  vi.advanceTimersByTime(600);
}

const lastSites = () => {
  const last = page.sent("patch").at(-1) as unknown as { patches: { site: string }[] };
  return last.patches.map(({ site }) => site);
};

describe("the field of the maps", () => {
  it("is chosen in the title of each map, among the parts of the cell that has the focus", () => {
    page.showMaps(smollm());
    expect(options(FIELD)).toEqual(["total effect", "direct effect", "estimate"]);
    page.click(page.cell("L23.H3"));
    const into = ["into L23.H3: q", "into L23.KV1: k", "into L23.KV1: v"];
    expect(options(FIELD)).toEqual(["total effect", "direct effect", ...into, "estimate"]);
    page.click(page.cell("L20.mlp_out"));
    expect(options(FIELD)).toContain("into L20's MLP");
    expect(page.text(".chart.heads .scope")).toBe("at all positions");
    expect(page.text(".chart.positions .scope")).toBe("at one position");
  });

  it("is asked for, and a click patches what the cell stands for: a path", () => {
    page.showMaps(smollm());
    page.click(page.cell("L23.H3"));
    choose(FIELD, "L23.H3.q");
    expect(page.sent("sweep").at(-1)).toMatchObject({ field: "L23.H3.q" });
    expect(
      page.get<HTMLSelectElement>('[data-of="positions"] [aria-label="what the cells say"]').value,
    ).toBe("L23.H3.q");
    expect(page.mapNote("heads")).toBe("Exact: 207 of 207.");
    expect(page.mapCell("heads", "L20.H0").getAttribute("aria-label")).toBe("L20.H0, −3.4 %");
    expect(page.mapCell("heads", "L23.H0").getAttribute("aria-label")).toBe(
      "L23.H0, after L23.H3.q: no path",
    );
    page.click(page.mapCell("heads", "L20.H0"));
    expect(lastSites()).toEqual(["L20.H0->L23.H3.q"]);
    expect(page.mapCell("heads", "L20.H0").getAttribute("aria-selected")).toBe("true");
    choose('[aria-label="component of the map"]', "mlp_out");
    page.press(page.mapCell("positions", "L0.mlp_out@9"), "Enter");
    expect(lastSites()).toEqual(["L0.mlp_out@9->L23.H3.q"]);
    choose(FIELD, "direct");
    page.click(page.mapCell("heads", "L20.H0"));
    expect(lastSites()).toEqual(["L20.H0->logits"]);
    choose(FIELD, "total");
    page.click(page.mapCell("heads", "L20.H0"));
    expect(lastSites()).toEqual(["L20.H0"]);
  });

  it("is read out with its cells", () => {
    page.showMaps(smollm());
    page.click(page.cell("L23.H3"));
    choose(FIELD, "L23.H3.q");
    const over = (target: Element) =>
      target.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
    over(page.mapCell("heads", "L20.H0"));
    expect(page.text(".about")).toContain("into L23.H3's queries: share −3.4 %, effect −0.390");
    over(page.mapCell("heads", "L25.H0"));
    expect(page.text(".about")).toContain("comes after the receiver: no path");
  });

  it("says why a map has no such field, while the other one fills", () => {
    page.showMaps(tiny());
    choose('[aria-label="component of the map"]', "resid_pre");
    choose(FIELD, "direct");
    expect(page.text(".chart.positions .none")).toContain("has no direct effect");
    expect(page.mapNote("positions")).toBe("");
    expect(page.mapNote("heads")).toBe("Exact: 16 of 16.");
  });

  it("follows the trait, and is what Python says from the beginning", () => {
    page.model.set("field", "direct");
    page.showMaps(tiny());
    expect(page.sent("sweep")).toHaveLength(1);
    expect(page.sent("sweep").at(-1)).toMatchObject({ field: "direct" });
    page.model.set("field", "L2.H1.q");
    page.model.trigger("change:field");
    vi.advanceTimersByTime(600);
    expect(page.sent("sweep").at(-1)).toMatchObject({ field: "L2.H1.q" });
    expect(options(FIELD)).toContain("into L2.H1: q");
  });
});

describe("an estimate", () => {
  it("comes first, hatched, and then gives way to exact cells, with its score", () => {
    serve(page.model, sweeping(smollm()), 0, { fill: 0.4, estimate: true });
    page.show();
    vi.advanceTimersByTime(600);
    expect(page.mapNote("heads")).toMatch(/^Estimated by gradient; exact so far 108 of 270, /);
    expect(page.all('[data-map="heads"] .approximate')).toHaveLength(1);
    expect(page.mapCell("heads", "L23.H3").getAttribute("aria-label")).toMatch(/%, estimated$/);
    expect(page.mapCell("heads", "L0.H0").getAttribute("aria-label")).not.toContain("estimated");
    serve(page.model, sweeping(smollm()));
    page.click(page.get(".chart.heads .map-note button"));
    page.click(page.get(".chart.heads .map-note button"));
    vi.advanceTimersByTime(600);
    expect(page.mapNote("heads")).toBe("Exact: 270 of 270. The estimate had 8 of the top 10.");
    expect(page.all(".approximate")).toHaveLength(0);
    expect(page.mapCell("heads", "L23.H3").getAttribute("aria-label")).toBe("L23.H3, 58 %");
  });

  it("is a field of its own: hatched for good, a click patches the site", () => {
    page.showMaps(tiny());
    choose(FIELD, "estimate");
    expect(page.mapNote("heads")).toMatch(/^Estimated by gradient: \d+ of the top 10 right.$/);
    expect(page.all('[data-map="heads"] .approximate')).toHaveLength(1);
    page.click(page.mapCell("heads", "L2.H1"));
    expect(lastSites()).toEqual(["L2.H1"]);
  });
});

describe("components", () => {
  it("are queries, keys and values in the map of heads, keys by key-value head", () => {
    page.showMaps(smollm());
    choose('[aria-label="component of heads"]', "k");
    expect(page.sent("sweep").at(-1)?.maps).toMatchObject([
      { component: "k", over: ["layer", "head"] },
    ]);
    expect(page.all('[data-map="heads"] [data-site]')).toHaveLength(90);
    page.click(page.mapCell("heads", "L23.KV1.k"));
    expect(lastSites()).toEqual(["L23.KV1.k"]);
    choose('[aria-label="component of heads"]', "q");
    page.click(page.mapCell("heads", "L23.H3.q"));
    expect(lastSites()).toEqual(["L23.H3.q"]);
    page.press(page.mapCell("heads", "L23.H3.q"), "ArrowRight");
    expect(page.focused).toBe(page.mapCell("heads", "L23.H4.q"));
  });

  it("are streams, sums and the heads of one layer in the map over positions", () => {
    page.showMaps(smollm());
    const component = '[aria-label="component of the map"]';
    expect(options(component)).toEqual([
      ...["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"],
      ...["heads' z", "heads' q", "heads' k", "heads' v"],
    ]);
    choose(component, "z");
    choose('[aria-label="layer of the map"]', "23");
    expect(page.sent("sweep").at(-1)?.maps).toMatchObject([{ over: ["head", "pos"], layer: 23 }]);
    expect(page.all('[data-map="positions"] [data-site]')).toHaveLength(9 * 14);
    page.click(page.mapCell("positions", "L23.H3@-1"));
    expect(lastSites()).toEqual(["L23.H3@-1"]);
    expect(page.all('[data-map="positions"] .ring.selected')).toHaveLength(1);
    choose(component, "v");
    expect(page.all('[data-map="positions"] [data-site]')).toHaveLength(3 * 14);
    page.press(page.mapCell("positions", "L23.KV0.v@9"), "ArrowDown");
    expect(page.focused).toBe(page.mapCell("positions", "L23.KV1.v@9"));
    expect(page.text(".chart.positions .labels")).toContain("KV2");
  });

  it("list the neurons of the largest effect on demand; a click patches one", () => {
    page.showMaps(smollm());
    expect(page.sent("neurons")).toHaveLength(0);
    const tab = page.all('[role="tab"]').find((t) => t.textContent === "Neurons");
    if (tab !== undefined) page.click(tab);
    expect(page.sent("neurons")).toMatchObject([{ layer: null, top: 20 }]);
    expect(page.all(".rrow[data-site]")).toHaveLength(20);
    expect(page.text(".neurons-note")).toContain("20 largest of 46,080");
    page.click(page.all(".rrow[data-site]")[0] as HTMLElement);
    expect(lastSites()).toEqual([page.all(".rrow[data-site]")[0]?.dataset.site]);
    page.click(page.cell("L26.mlp_out"));
    page.choose('[aria-label="layer of the neurons"]', "26");
    expect(page.sent("neurons").at(-1)).toMatchObject({ layer: 26 });
    expect(page.text(".rrow[data-site] .mono")).toMatch(/^L26\.N\d+$/);
  });

  it("pass axe", async () => {
    page.showMaps(tiny());
    choose('[aria-label="component of the map"]', "k");
    choose(FIELD, "estimate");
    vi.useRealTimers();
    expect(await violations(page.el)).toEqual([]);
  });
});
