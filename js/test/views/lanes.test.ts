import { beforeEach, describe, expect, it } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm, tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const sites = (lane: string) =>
  page.all(`[data-run="${lane}"] svg [data-site]`).map((cell) => cell.getAttribute("data-site"));

const over = (target: Element) =>
  target.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));

beforeEach(() => {
  serve(page.model, smollm());
  page.show();
});

describe("slim lanes", () => {
  it("show the stream alone, and the patched lane everything", () => {
    expect(sites("clean")).toHaveLength(30);
    expect(sites("corrupted")).toHaveLength(30);
    expect(sites("patched")).toHaveLength(30 * (9 + 3));
  });

  it("show the box of the hovered and of the patched site, with its name", () => {
    over(page.cell("L20.H0"));
    for (const lane of ["clean", "corrupted"])
      expect(page.text(`[data-run="${lane}"] .slim-box`)).toBe("H0");
    page.click(page.cell("L23.H3"));
    expect(page.all('[data-run="clean"] .ring.selected')).toHaveLength(1);
    expect(page.all('[data-run="corrupted"] .ring.plain')).toHaveLength(1);
    expect(page.all('[data-run="clean"] .slim-name').map((t) => t.textContent)).toEqual([
      "H3",
      "H0",
    ]);
    over(page.cell("L23.H3"));
    expect(page.all('[data-run="clean"] .slim-box')).toHaveLength(1);
  });

  it("patch the stream where it is clicked, and a shown box as what it is", () => {
    page.click(page.cell("L5.resid_post", "clean"));
    expect(page.result()?.site).toBe("L5.resid_post");
    page.click(page.cell("L23.H3"));
    page.click(page.cell("L20.H0"));
    page.click(page.cell("L20.H0", "clean"), { shiftKey: true });
    expect(page.result()).toBeUndefined();
  });

  it("say how many sites stand in one box", () => {
    page.click(page.cell("L23.H3"));
    page.click(page.cell("L23.H0"), { shiftKey: true });
    expect(page.text('[data-run="clean"] .slim-box')).toBe("2");
  });

  it("unfold together, by their names and by L", () => {
    const [name] = page.all("[data-lanes]");
    expect(name?.getAttribute("aria-expanded")).toBe("false");
    page.click(page.get('[data-run="corrupted"] [data-lanes]'));
    expect(sites("clean")).toHaveLength(30 * (9 + 3));
    expect(name?.getAttribute("aria-expanded")).toBe("true");
    page.click(page.cell("L23.H3", "clean"));
    expect(page.result()?.site).toBe("L23.H3");
    page.press(page.cell("L23.H3"), "l");
    expect(sites("clean")).toContain("L23.H3");
    expect(sites("clean")).toHaveLength(30 + 1);
  });
});

describe("the patched lane", () => {
  it("prints in large boxes whose value they have, or how far they moved", () => {
    serve(page.model, tiny());
    page.dispose();
    page.el.replaceChildren();
    page.show();
    expect(page.all(".inside")).toHaveLength(0);
    page.click(page.cell("L1.H2"));
    const printed = page.all('[data-run="patched"] .inside').map((t) => t.textContent);
    expect(printed[0]).toBe("clean");
    expect(printed.slice(1).every((text) => /^−?\d.* %$/.test(text ?? ""))).toBe(true);
  });

  it("names its rows and its columns", () => {
    const names = page.all('[data-run="patched"] .row-name').map((t) => t.textContent);
    expect(names).toEqual(["layer", "H0", "H8", "attn", "MLP", "stream"]);
    expect(page.text('[data-run="patched"] .axis')).toMatch(/^layer ?0123/);
    over(page.cell("L23.H3"));
    expect(page.text('[data-run="patched"] .row-name.hovered')).toBe("H3");
  });
});

describe("words", () => {
  it("explain themselves in the read-out, under the pointer and with the focus", () => {
    const about = () => page.text(".about");
    over(page.get('[data-explain="host"]'));
    expect(about()).toBe(
      "Host: the run that is patched. The corrupted prompt is run again, with some clean values.",
    );
    over(page.get('[data-explain="stream"]'));
    expect(about()).toMatch(/^stream: the residual stream after a layer/);
    over(page.cell("L20.H0"));
    expect(about()).toMatch(/^L20.H0/);
    page.get(".lanes").dispatchEvent(new PointerEvent("pointerleave"));
    page.get('[data-explain="source"]').focus();
    expect(about()).toMatch(/^Source: the run that values are taken from\. Its clean values/);
    page.click(page.get('[data-direction="noise"]'));
    over(page.get('[data-explain="source"]'));
    expect(about()).toMatch(/Its corrupted values go into the clean run\.$/);
  });
});
