import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serve } from "../fixtures/kernel";
import { smollm, sweeping } from "../fixtures/worlds";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

let saved: { name: string; content: Blob }[] = [];

beforeEach(() => {
  saved = [];
  const blobs = new Map<string, Blob>();
  vi.stubGlobal(
    "URL",
    Object.assign(URL, {
      createObjectURL: (blob: Blob) => {
        blobs.set(`blob:${blobs.size}`, blob);
        return `blob:${blobs.size - 1}`;
      },
      revokeObjectURL: () => {},
    }),
  );
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    const content = blobs.get(this.href);
    if (content !== undefined) saved.push({ name: this.download, content });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  delete document.body.dataset.vscodeThemeKind;
});

const open = () => page.click(page.get(".toolbar [data-panel=export]"));

const button = (format: string) => page.get<HTMLButtonElement>(`[data-export=${format}]`);

const shown = () => {
  page.showMaps(smollm());
  page.click(page.cell("L23.H3"));
  vi.advanceTimersByTime(600);
  open();
};

describe("the menu", () => {
  it("has the lines of Python and five kinds of files", () => {
    shown();
    expect(page.all("[data-export]").map((each) => each.textContent)).toEqual([
      "SVG",
      "PNG",
      "CSV",
      "Mermaid",
      "Page",
    ]);
    expect(page.text(".export pre")).toContain("L23.H3");
  });

  it("stands in the menu of more where there is little room", () => {
    page.width = 800;
    page.showMaps(smollm());
    expect(page.el.querySelector("[data-panel=export]")).toBeNull();
    page.click(page.get("[data-panel=menu]"));
    open();
    expect(page.all("[data-export]")).toHaveLength(5);
  });
});

describe("a table of the maps", () => {
  it("has every cell of both with all digits", async () => {
    shown();
    page.click(button("csv"));
    await vi.waitFor(() => expect(saved).toHaveLength(1));
    expect(saved[0]?.name).toBe("L23.H3-denoise.csv");
    const text = (await saved[0]?.content.text()) ?? "";
    const [columns, ...rows] = text.trimEnd().split("\r\n");
    expect(columns).toBe(
      "map,component,site,layer,head,position,token,field,direction,metric,pair,effect,share,known",
    );
    expect(rows).toHaveLength(30 * 9 + 30 * 14);
    expect(rows[0]).toMatch(/^heads,z,L0\.H0,0,0,all,,total,denoise,logit_diff,mean,/);
    const last = rows.at(-1)?.split(",") ?? [];
    expect(last.slice(0, 6)).toEqual([
      "positions",
      "resid_pre",
      "L29.resid_pre@-1",
      "29",
      "",
      "13",
    ]);
    const map = page.sent("sweep").length;
    expect(map).toBeGreaterThan(0);
    expect(rows.every((row) => row.endsWith(",exact"))).toBe(true);
  });
});

describe("what Python writes", () => {
  it("is asked for as a patch is, and downloaded under a safe name", async () => {
    shown();
    page.click(button("mermaid"));
    expect(page.sent("export")[0]).toMatchObject({
      format: "mermaid",
      patches: [{ site: "L23.H3", source: "source" }],
      direction: "denoise",
      metric: "logit_diff",
      pair: "mean",
    });
    await vi.waitFor(() => expect(saved).toHaveLength(1));
    expect(saved[0]?.name).toBe("L23.H3.mmd");
    expect(await saved[0]?.content.text()).toBe('flowchart LR\n  a["L23.H3 ␣ 漢"]\n');
    expect(page.text(".status")).toContain("L23.H3.mmd is downloaded.");
  });

  it("says what is awaited, and what went wrong", () => {
    shown();
    page.model.answer = undefined;
    page.click(button("page"));
    expect(page.text(".export .hint")).toBe("Python is writing the page file …");
    expect(button("mermaid").disabled).toBe(true);
    page.model.receive({
      ...{ v: 1, kind: "error", id: page.sent("export")[0]?.id, code: "E", details: "" },
      message: "no room on the disk.",
    });
    expect(page.text(".status")).toContain("The file was not written: no room on the disk.");
    expect(button("page").disabled).toBe(false);
  });

  it("is not to be had where no Python answers, and the menu says why", () => {
    shown();
    page.model.trigger("comm_live_update", { model: { comm_live: false } });
    expect([button("mermaid").disabled, button("page").disabled]).toEqual([true, true]);
    expect([button("svg").disabled, button("csv").disabled]).toEqual([false, false]);
    expect(page.text(".export .hint")).toBe(
      "Mermaid and Page are written by Python, and no Python is answering.",
    );
  });

  it("is not to be had from a saved picture", () => {
    shown();
    page.reopen();
    open();
    expect(button("page").disabled).toBe(true);
    expect(page.text(".export .hint")).toContain("run this cell again");
  });

  it("that breaks the protocol is refused in words", () => {
    shown();
    page.model.answer = undefined;
    page.click(button("page"));
    const id = page.sent("export")[0]?.id;
    const file = {
      v: 1,
      kind: "export",
      id,
      format: "page",
      name: "x.html",
      media_type: "text/html",
    };
    page.model.receive(file, [new DataView(new Uint8Array([0xff, 0xfe]).buffer)]);
    expect(page.text(".status")).toContain("The file was not written: The kernel sent something");
    expect(saved).toEqual([]);
  });
});

describe("a host without downloads", () => {
  it("gets copies, in VS Code from the beginning", async () => {
    document.body.dataset.vscodeThemeKind = "vscode-dark";
    const writeText = vi.fn(async () => {});
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    shown();
    expect(page.get('[data-value="copy"]').getAttribute("aria-pressed")).toBe("true");
    page.click(button("mermaid"));
    await vi.waitFor(() => expect(writeText).toHaveBeenCalledOnce());
    await vi.waitFor(() => expect(page.text(".status")).toContain("is in the clipboard, as text"));
    expect(saved).toEqual([]);
  });
});

it("a picture is asked of the view as it is seen, without the menu", () => {
  serve(page.model, sweeping(smollm()));
  page.show();
  open();
  page.click(button("svg"));
  expect(page.el.querySelector(".panel.export")).toBeNull();
  expect(saved[0]?.name).toBe("nothing-patched-denoise.svg");
});
