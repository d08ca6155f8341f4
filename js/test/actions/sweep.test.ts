import { describe, expect, it, vi } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm, sweeping, tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

describe("asking", () => {
  it("waits for the first paint, then asks for both maps once", () => {
    serve(page.model, sweeping(tiny()));
    page.show();
    expect(page.sent("sweep")).toHaveLength(0);
    expect(page.all(".mcell.pending")).toHaveLength(4 * 4 + 4 * 14);
    vi.advanceTimersByTime(10_000);
    expect(page.sent("sweep")).toHaveLength(1);
    expect(page.sent("sweep")[0]).toMatchObject({
      v: 1,
      maps: [
        { name: "heads", component: "z", over: ["layer", "head"] },
        { name: "positions", component: "resid_pre", over: ["layer", "pos"] },
      ],
      direction: "denoise",
      metric: "logit_diff",
    });
  });

  it("does not ask a kernel that cannot, and shows the charts as before", () => {
    serve(page.model, tiny());
    page.show();
    vi.advanceTimersByTime(10_000);
    expect(page.sent("sweep")).toHaveLength(0);
    expect(page.el.querySelector("[data-map]")).toBeNull();
    expect(page.all(".charts > .chart")).toHaveLength(3);
  });

  it("asks again for another direction, metric and component, and not for another patch", () => {
    page.showMaps(tiny());
    page.click(page.mapCell("heads", "L1.H2"));
    vi.advanceTimersByTime(600);
    expect(page.sent("sweep")).toHaveLength(1);
    page.click(page.get('[data-direction="noise"]'));
    vi.advanceTimersByTime(600);
    expect(page.sent("sweep").at(-1)).toMatchObject({ direction: "noise" });
    const choose = (select: string, value: string) => {
      page.choose(select, value);
      vi.advanceTimersByTime(600);
    };
    choose(".metric-select", "kl");
    expect(page.sent("sweep").at(-1)).toMatchObject({ direction: "noise", metric: "kl" });
    choose('[aria-label="component of the map"]', "attn_out");
    expect(page.sent("sweep").at(-1)).toMatchObject({ maps: [{ component: "attn_out" }] });
    expect(page.sent("sweep")).toHaveLength(4);
    expect(page.mapCell("positions", "L2.attn_out@-1")).toBeDefined();
  });

  it("leaves out what the model does not have, and says why", () => {
    page.showMaps(smollm({ refused: { z: "heads cannot be told apart in this model" } }));
    expect(page.sent("sweep")[0]?.maps).toHaveLength(1);
    expect(page.text(".chart.heads .none")).toBe(
      "No heads here: heads cannot be told apart in this model.",
    );
  });

  it("makes nothing look busy while nobody answers, nor a click that is answered", () => {
    serve(page.model, sweeping(tiny()));
    page.show();
    const { answer } = page.model;
    page.model.answer = (message) => message.kind !== "sweep" && answer?.(message);
    vi.advanceTimersByTime(60_000);
    expect(page.sent("sweep")).toHaveLength(1);
    expect(page.el.querySelector("[data-status]")).toBeNull();
    page.click(page.get('[data-run="patched"] [data-site="L1.H2"]'));
    expect(page.get("[data-result]").getAttribute("data-site")).toBe("L1.H2");
    expect(page.el.querySelector("[data-status]")).toBeNull();
  });
});

describe("stopping", () => {
  it("keeps what is done, and goes on when asked", () => {
    page.showMaps(tiny(), 0.25);
    expect(page.mapNote("heads")).toBe("Exact so far: 4 of 16, 1 s left. Stop");
    page.click(page.get(".chart.heads .map-note button"));
    expect(page.model.last().kind).toBe("cancel");
    expect(page.mapNote("heads")).toBe("Stopped after 4 of 16. The model is unchanged. Continue");
    expect(page.all('[data-map="heads"] .mcell.value')).toHaveLength(4);
    vi.advanceTimersByTime(10_000);
    expect(page.sent("sweep")).toHaveLength(1);
    page.click(page.get(".chart.heads .map-note button"));
    expect(page.sent("sweep")).toHaveLength(2);
    expect(page.mapNote("heads")).toBe("Exact so far: 4 of 16, 1 s left. Stop");
  });

  it("does not lose the patch that was on its way", () => {
    page.showMaps(tiny(), 0.25);
    page.model.answer = undefined;
    page.click(page.mapCell("heads", "L1.H2"));
    page.click(page.get(".chart.heads .map-note button"));
    expect(page.model.sent.slice(-2)).toMatchObject([
      { kind: "cancel" },
      { kind: "patch", patches: [{ site: "L1.H2" }] },
    ]);
  });

  it("is not what cancelling a patch means: the maps go on", () => {
    page.showMaps(tiny(), 0.25);
    page.model.answer = undefined;
    page.click(page.mapCell("heads", "L1.H2"));
    page.press(page.mapCell("heads", "L1.H2"), "Escape");
    expect(page.model.sent.slice(-2)).toMatchObject([{ kind: "cancel" }, { kind: "sweep" }]);
  });

  it("says what failed, beside what is known, and is no failure of the patch", () => {
    serve(page.model, sweeping(tiny()));
    const { answer } = page.model;
    page.model.answer = (message) => message.kind !== "sweep" && answer?.(message);
    page.show();
    vi.advanceTimersByTime(600);
    const { id } = page.model.last();
    page.model.receive({
      v: 1,
      kind: "error",
      id,
      code: "E",
      message: "out of memory",
      details: "",
    });
    expect(page.mapNote("heads")).toBe("No map: out of memory. The model is unchanged. Try again");
    expect(page.el.querySelector("[data-status]")).toBeNull();
  });
});

it("keeps the maps of a saved notebook, with nobody to ask", () => {
  page.showMaps(tiny());
  page.reopen();
  vi.advanceTimersByTime(10_000);
  expect(page.sent("sweep")).toHaveLength(0);
  expect(page.all('[data-map="heads"] .mcell.value')).toHaveLength(16);
  expect(page.mapNote("heads")).toBe("Exact: 16 of 16.");
});
