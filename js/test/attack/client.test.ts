/**
 * An attack on the front end: a person clicks while the kernel's messages are lost, doubled, reordered and spoilt.
 * `ATTACK_SEED` and `ATTACK_RUNS` repeat a round of `make attack` (tests/attack/test_client.py).
 */

import fc from "fast-check";
import { afterEach, beforeEach, it, vi } from "vitest";
import { AttackedPage } from "../support/attacked-page";
import { commands } from "../support/steps";

vi.mock("../../src/app/render", async (original) => ({
  ...(await original<typeof import("../../src/app/render")>()),
  draw: (...drawn: unknown[]) => AttackedPage.newest?.drawn(drawn),
}));

const seed = Number(process.env.ATTACK_SEED ?? 0);

const numRuns = Number(process.env.ATTACK_RUNS ?? 60);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(
    () => new DOMRect(0, 0, AttackedPage.newest?.width ?? 1300, 700),
  );
  let drawn = 0;
  vi.spyOn(Math, "random").mockImplementation(() => {
    drawn += 0.618;
    return drawn % 1;
  });
  vi.spyOn(console, "warn").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it("survives every order of clicks and messages", { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(commands, (sequence) => {
      const page = new AttackedPage();
      try {
        fc.modelRun(() => ({ model: {}, real: page }), sequence);
        page.end();
      } finally {
        page.leave();
      }
    }),
    { seed, numRuns },
  );
});
