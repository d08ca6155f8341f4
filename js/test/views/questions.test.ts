import { beforeEach, describe, expect, it, vi } from "vitest";
import { MOST_TRIES } from "../../src/state/facts";
import { serve } from "../fixtures/kernel";
import { sweeping, tiny } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

/** Longer than the page stands still before it asks. */
const settle = () => vi.advanceTimersByTime(200);

const open = (site: string) => {
  page.click(page.cell(site));
  page.press(page.cell(site), "h");
  settle();
};

describe("when the kernel does not answer", () => {
  const silent = () => {
    const answer = page.model.answer;
    page.model.answer = (message) => {
      if (message.kind !== "head") answer?.(message);
    };
  };
  const id = () => Number(page.sent("head").at(-1)?.id);

  beforeEach(() => {
    serve(page.model, sweeping(tiny()), 0, {});
    page.show();
    vi.advanceTimersByTime(600);
    silent();
    open("L1.H2");
  });

  it("says that it waits", () => {
    expect(page.text(".attention .none")).toBe("Asking Python …");
    vi.advanceTimersByTime(20_000);
    expect(page.el.querySelector("[data-status]")).toBeNull();
  });

  it("says what went wrong, and asks again on a click", () => {
    const error = { v: 1, kind: "error", code: "SiteError", message: "No such head", details: "" };
    page.model.receive({ ...error, id: id() });
    settle();
    expect(page.text(".attention .none")).toContain("No such head.");
    expect(page.el.querySelector('[data-status="error"]')).toBeNull();
    expect(page.sent("head")).toHaveLength(1);
    page.click(page.get(".attention .none button"));
    settle();
    expect(page.sent("head")).toHaveLength(2);
  });

  it("asks again by itself if somebody else took its place, but not for ever", () => {
    for (let i = 0; i < MOST_TRIES + 2; i++) {
      page.model.receive({ v: 1, kind: "dropped", id: id() });
      settle();
    }
    expect(page.sent("head")).toHaveLength(MOST_TRIES);
    expect(page.text(".attention .none")).toContain("Stopped before it was done.");
  });

  it("takes an answer that another view asked for, and no late one for its own", () => {
    const [asked] = page.sent("head");
    serve(page.model, sweeping(tiny()));
    page.model.answer?.({ ...asked, id: 5, kind: "head" });
    expect(page.all(".key-row")).not.toHaveLength(0);
    page.model.answer?.({ ...asked, id: 6, kind: "head", head: "L0.H0" });
    expect(page.get(".head-panel").dataset.head).toBe("L1.H2");
  });

  it("asks again after the kernel has come back", () => {
    page.model.trigger("comm_live_update", { model: { comm_live: false } });
    serve(page.model, sweeping(tiny()));
    page.model.trigger("comm_live_update", { model: { comm_live: true } });
    settle();
    expect(page.all(".key-row")).not.toHaveLength(0);
  });

  it("says that only Python can tell, in a saved page and after the kernel is gone", () => {
    page.model.trigger("comm_live_update", { model: { comm_live: false } });
    expect(page.text(".attention .none")).toBe("Only Python can tell: run this cell again.");
    page.reopen();
    vi.advanceTimersByTime(600);
    page.click(page.cell("L1.H2"));
    page.press(page.cell("L1.H2"), "h");
    page.press(page.cell("L1.H2"), "t");
    settle();
    expect(page.text(".attention .none")).toBe("Only Python can tell: run this cell again.");
    expect(page.text(".lens-line .said")).toBe("Only Python can tell: run this cell again.");
    expect(page.sent("head")).toEqual([]);
  });
});
