import { expect, it, vi } from "vitest";
import { smollm } from "../fixtures/worlds";
import { violations } from "../support/axe";
import { useExplorer } from "../support/explorer";

const page = useExplorer();

const asked = (kind: string) => page.sent(kind).at(-1) as unknown as Record<string, unknown>;

const settle = () => vi.advanceTimersByTime(200);

function select(...sites: string[]): void {
  page.showMaps(smollm());
  for (const site of sites) page.click(page.cell(site), { shiftKey: true });
}

it("says what stays where only the selection is kept, beside random sets", () => {
  select("L23.H3", "L20.H0");
  page.click(page.get("button.keep"));
  settle();
  expect(asked("circuit")).toMatchObject({
    patches: [{ site: "L23.H3" }, { site: "L20.H0" }],
    direction: "denoise",
    metric: "logit_diff",
  });
  expect(page.text(".kept")).toBe(
    "Keep only these 2: 80 % of the difference stays (random sets of 2: 1 to 4 %).",
  );
  expect(page.text(".circuit .caption")).toContain("with all other heads and MLPs corrupted");
  expect(page.get(".kept").dataset.faithfulness).toBe("0.7998");
});

it("follows the selection and the ablation, with keys alone", () => {
  select("L23.H3");
  page.press(page.cell("L23.H3"), "c");
  settle();
  expect(page.text(".kept")).toContain("Keep only this one: 58 %");
  page.press(page.cell("L23.H3"), "+");
  settle();
  expect(asked("patch")).toMatchObject({
    patches: [
      { site: "L23.H3", source: "source" },
      { site: "L29.H1", source: "source" },
    ],
  });
  expect(page.text(".kept")).toContain("Keep only these 2: 85 %");
  page.choose("select.from", "zero");
  settle();
  expect(asked("circuit")).toMatchObject({ source: { kind: "zero" } });
  expect(page.text(".circuit .caption")).toContain("with all other heads and MLPs zero");
});

it("draws the curve when it is asked for, with the selection on it", () => {
  select("L23.H3", "L20.H0");
  page.press(page.cell("L23.H3"), "c");
  settle();
  expect(page.sent("curve")).toHaveLength(0);
  page.click(page.get(".circuit > .tool"));
  settle();
  expect(asked("curve")).toMatchObject({ direction: "denoise", metric: "logit_diff" });
  expect(page.all(".curve .point").map((point) => point.dataset.n)).toEqual([
    ...["1", "2", "5", "10", "20", "50", "100", "200", "270"],
  ]);
  expect(page.all(".curve .band")).toHaveLength(1);
  expect(page.all(".curve .own")).toHaveLength(1);
});

it("says what it needs, and what went wrong", () => {
  page.showMaps(smollm());
  expect(page.get<HTMLButtonElement>("button.keep").disabled).toBe(true);
  page.press(page.cell("L23.H3"), "c");
  expect(page.text(".circuit .none")).toContain("Select heads and MLPs");
  page.click(page.cell("L23.H3"));
  page.model.answer = (message) => {
    const message_ = "L1.resid_pre cannot be part of a circuit.";
    if (message.kind === "circuit")
      page.model.receive({
        v: 1,
        kind: "error",
        id: message.id,
        code: "SiteError",
        message: message_,
      });
  };
  settle();
  expect(page.text(".kept")).toContain("L1.resid_pre cannot be part of a circuit.");
  expect(page.text(".kept button")).toBe("Ask again");
});

it("passes axe", async () => {
  select("L23.H3", "L20.H0");
  page.press(page.cell("L23.H3"), "c");
  settle();
  page.click(page.get(".circuit > .tool"));
  settle();
  vi.useRealTimers();
  expect(await violations(page.get(".circuit"))).toEqual([]);
}, 60_000);
