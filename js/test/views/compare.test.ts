import { describe, expect, it } from "vitest";
import { fewNames } from "../fixtures/datasets";
import { serve } from "../fixtures/kernel";
import { smollm, sweeping } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const pins = () => page.all(".pin-row").map((row) => row.dataset);

const said = () => page.all(".pin-said").map((each) => each.textContent);

const pin = (site: string) => {
  page.click(page.cell(site));
  page.press(page.cell(site), "p");
};

const shown = () => {
  serve(page.model, sweeping(smollm()));
  page.show();
};

describe("a pin", () => {
  it("is compared with what comes next", () => {
    shown();
    pin("L23.H3");
    expect(said()).toEqual(["shown now"]);
    const share = Number(pins()[0]?.share);
    page.click(page.cell("L20.H0"));
    const [row] = pins();
    const now = Number(row?.now);
    expect([row?.site, Number(row?.share)]).toEqual(["L23.H3", share]);
    expect(now).not.toBe(share);
    expect(Number(row?.delta)).toBe(now - share);
    expect(page.text(".pin-back")).toBe(`◆ L23.H3 ${(share * 100).toFixed(1)} %`);
    const points = ((now - share) * 100).toFixed(1).replace("-", "−");
    expect(said()).toEqual([`now L20.H0 ${(now * 100).toFixed(1)} % · Δ ${points} points`]);
    expect(page.text(".spoken")).toContain(
      `Pinned: L23.H3 ${(share * 100).toFixed(1)} %, now L20.H0`,
    );
  });

  it("follows the switch between share and effect", () => {
    shown();
    pin("L23.H3");
    page.click(page.cell("L20.H0"));
    const effect = Number(pins()[0]?.effect);
    page.click(page.get("[data-value=effect]"));
    const now = Number(page.result()?.effect);
    expect(Number(pins()[0]?.delta)).toBe(now - effect);
    expect(said()[0]).toMatch(/^now L20\.H0 \+\d\.\d+ · Δ −\d\.\d+ logits?$/);
  });

  it("has a button, a way back and a cross", () => {
    shown();
    page.click(page.cell("L23.H3"));
    page.click(page.get(".pin-it"));
    expect(page.get(".pin-it").getAttribute("aria-pressed")).toBe("true");
    page.click(page.cell("L20.H0"));
    expect(page.get(".pin-it").getAttribute("aria-pressed")).toBe("false");
    page.click(page.get(".pin-back"));
    expect(page.result()?.site).toBe("L23.H3");
    expect(said()).toEqual(["shown now"]);
    page.click(page.get(".unpin"));
    expect(pins()).toEqual([]);
    expect(page.sent("mark").map((m) => m.pinned)).toEqual([true, false]);
  });

  it("survives undo, and there are two at most", () => {
    shown();
    pin("L23.H3");
    pin("L20.H0");
    page.press(page.cell("L20.H0"), "z");
    page.press(page.cell("L20.H0"), "z");
    expect(page.result()).toBeUndefined();
    expect(pins().map((row) => row.site)).toEqual(["L23.H3", "L20.H0"]);
    expect(said()).toEqual(["nothing else is patched now", "nothing else is patched now"]);
    pin("L5.H5");
    expect(pins().map((row) => row.site)).toEqual(["L20.H0", "L5.H5"]);
  });

  it("is there in a second view, and again when the notebook is opened without a kernel", () => {
    shown();
    pin("L23.H3");
    page.click(page.cell("L20.H0"));
    const before = pins()[0];
    page.reopen();
    expect(pins()).toHaveLength(1);
    expect({ ...pins()[0] }).toEqual({ ...before });
    expect(page.all(".lbar[data-bar=pinned]").length).toBeGreaterThan(0);
  });

  it("that another view has made appears, and goes", () => {
    shown();
    page.click(page.cell("L23.H3"));
    const patches = [{ site: "L23.H3", source: "source" }];
    const run = { v: 1, kind: "marked", id: 5, patches, direction: "denoise", note: "" };
    page.model.receive({ ...run, pinned: true });
    expect(pins().map((row) => row.site)).toEqual(["L23.H3"]);
    page.model.receive({ ...run, pinned: false });
    expect(pins()).toEqual([]);
  });
});

describe("what cannot be compared", () => {
  it("is another direction", () => {
    shown();
    pin("L23.H3");
    page.press(page.cell("L23.H3"), "n");
    expect(pins()[0]?.differs).toBe("direction");
    expect(pins()[0]?.delta).toBeUndefined();
    expect(said()).toEqual(["patched in denoise, not in noise: no difference is shown"]);
    expect(page.all(".lbar[data-bar=pinned]")).toEqual([]);
  });

  it("is another pair where only the mean is known", () => {
    serve(page.model, sweeping(fewNames(4)));
    page.show();
    page.click(page.cell("L0.H1"));
    page.model.receive({
      ...{ v: 1, kind: "history", id: 1 },
      results: [
        {
          patches: [{ site: "L1.H1", source: "source" }],
          direction: "denoise",
          metric: "logit_diff",
          readings: {
            logit_diff: { value: 1, effect: 2, share: 0.5, recovery: 0.5, reason: null },
          },
          note: "",
          pinned: true,
        },
      ],
    });
    page.press(page.cell("L0.H1"), ".");
    expect(page.result()?.pair).toBe("0");
    expect(pins()[0]?.differs).toBe("pair");
    expect(said()[0]).toBe("known for the mean of 4 pairs only: no difference is shown");
    page.press(page.cell("L0.H1"), "m");
    expect(pins()[0]?.differs).toBeUndefined();
    expect(Number(pins()[0]?.delta)).toBe(Number(pins()[0]?.now) - 0.5);
  });

  it("is a metric that the pin does not have", () => {
    shown();
    pin("L23.H3");
    page.click(page.cell("L20.H0"));
    page.choose(".metric-select", "kl");
    expect(pins()[0]?.metric).toBe("kl");
    expect(pins()[0]?.differs).toBeUndefined();
  });
});

describe("the tokens", () => {
  it("have a bar of each pin beside that of now", () => {
    shown();
    pin("L23.H3");
    const own = page.all(".lbar[data-bar=patched]").map((bar) => bar.dataset.value);
    expect(page.all(".lbar[data-bar=pinned]")).toEqual([]);
    page.click(page.cell("L20.H0"));
    const pinned = page.all(".lbar[data-bar=pinned]").map((bar) => bar.dataset.value);
    expect([...pinned].sort()).toEqual([...own].sort());
    expect(page.all(".ltick.clean")).toHaveLength(5);
    expect(page.text(".logits-legend")).toContain("◆ L23.H3");
  });
});

describe("a note", () => {
  const open = () => {
    shown();
    page.click(page.cell("L23.H3"));
    page.click(page.get('[data-tab="history"]'));
    page.click(page.get('[data-note="1"]'));
    return page.get<HTMLInputElement>(".note-field");
  };

  it("is written at an entry, kept by the kernel, and shown as text", () => {
    const field = open();
    expect(page.focused).toBe(field);
    field.value = "  <b>name mover?</b> ";
    expect(page.press(field, "Enter").defaultPrevented).toBe(true);
    expect(page.sent("mark")[0]).toMatchObject({
      patches: [{ site: "L23.H3", source: "source" }],
      note: "<b>name mover?</b>",
    });
    expect(page.text(".hnote")).toBe("<b>name mover?</b>");
    expect(page.focused).toBe(page.get('[data-note="1"]'));
  });

  it("is left as it was by Escape, and kept when the field is left", () => {
    const field = open();
    field.value = "no";
    page.press(field, "Escape");
    expect(page.el.querySelector(".note-field")).toBeNull();
    expect(page.sent("mark")).toEqual([]);
    page.click(page.get('[data-note="1"]'));
    const again = page.get<HTMLInputElement>(".note-field");
    again.value = "yes";
    again.dispatchEvent(new Event("change", { bubbles: true }));
    expect(page.sent("mark").map((m) => m.note)).toEqual(["yes"]);
  });

  it("takes letters and arrows for itself", () => {
    const field = open();
    let outside = 0;
    page.place.addEventListener("keydown", () => {
      outside += 1;
    });
    for (const key of ["n", "d", "d", "ArrowLeft", "ArrowDown", "p", "z"]) {
      expect(page.press(field, key, { composed: true }).defaultPrevented).toBe(false);
    }
    expect(outside).toBe(0);
    expect(page.sent("patch")).toHaveLength(1);
    expect(pins()).toEqual([]);
  });

  it("says what the kernel says against it", () => {
    const field = open();
    field.value = "x";
    page.model.answer = (message) =>
      page.model.receive({
        ...{ v: 1, kind: "error", id: message.id, code: "ProtocolError", details: "" },
        message: "Expected a note of at most 500 characters.",
      });
    page.press(field, "Enter");
    expect(page.text(".status")).toContain("Expected a note of at most 500 characters.");
  });

  it("comes back from the kernel", () => {
    shown();
    page.model.receive({
      ...{ v: 1, kind: "history", id: 1 },
      results: [
        {
          patches: [{ site: "L1.H1", source: "source" }],
          direction: "denoise",
          metric: "logit_diff",
          readings: {},
          note: "from before",
          pinned: false,
        },
      ],
    });
    page.click(page.get('[data-tab="history"]'));
    expect(page.text(".hnote")).toBe("from before");
  });
});
