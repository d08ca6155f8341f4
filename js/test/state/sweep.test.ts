import { describe, expect, it } from "vitest";
import { headsShape, mapKey } from "../../src/model/map";
import { NO_SWEEP, reduceSweep, type Sweep } from "../../src/state/sweep";
import { cells, KEY, request } from "../fixtures/map";

describe("the sweep", () => {
  const run = (...events: Parameters<typeof reduceSweep>[1][]): Sweep =>
    events.reduce(reduceSweep, NO_SWEEP);
  const asked = { type: "asked", id: 7, request: request() } as const;

  it("fills its maps and is done", () => {
    const sweep = run(asked, { type: "map", map: cells() });
    expect(sweep.phase).toBe("running");
    expect(sweep.maps[KEY]?.done).toBe(4);
    const swept = reduceSweep(sweep, { type: "swept", id: 7 });
    expect(swept.phase).toBe("done");
    expect(swept.maps[KEY]?.done).toBe(6);
  });

  it("ignores the ends of older questions, and files every map under what it is about", () => {
    const newer = run(asked, { ...asked, id: 8, request: request({ direction: "noise" }) });
    const filed = reduceSweep(newer, { type: "map", map: cells() });
    expect(Object.keys(filed.maps)).toEqual([KEY]);
    expect(filed.phase).toBe("running");
    expect(reduceSweep(newer, { type: "dropped", id: 7, why: "superseded" })).toBe(newer);
    expect(reduceSweep(newer, { type: "swept", id: 7 }).phase).toBe("running");
  });

  describe("of two views of one widget", () => {
    const superseded = { type: "dropped", id: 7, why: "superseded" } as const;
    const cancelled = { type: "dropped", id: 99, why: "cancelled" } as const;

    it("waits for the other one's, takes its cells, and then asks for what is missing", () => {
      const waiting = run(asked, superseded);
      expect(waiting.phase).toBe("waiting");
      const filled = reduceSweep(waiting, { type: "map", map: cells({ id: 99, done: 6 }) });
      expect(filled.maps[KEY]?.done).toBe(6);
      const free = reduceSweep(filled, { type: "swept", id: 99 });
      expect(free).toMatchObject({ phase: "idle", request: undefined });
      expect(free.maps[KEY]?.done).toBe(6);
    });

    it("is stopped where somebody stops it, and goes on when somebody goes on", () => {
      const stopped = run(asked, superseded, cancelled);
      expect(stopped.phase).toBe("stopped");
      const map = cells({ id: 99 });
      expect(reduceSweep(stopped, { type: "map", map }).phase).toBe("waiting");
      const other = cells({ id: 99, metric: "kl" });
      expect(reduceSweep(stopped, { type: "map", map: other }).phase).toBe("stopped");
      const own = run(asked, { type: "stopped" }, { type: "map", map: cells() });
      expect(own.phase).toBe("stopped");
    });

    it("does not wait for ever for a sweep that failed", () => {
      expect(run(asked, superseded, { type: "freed" }).phase).toBe("idle");
      expect(run(asked, { type: "freed" }).phase).toBe("running");
    });
  });

  it("keeps what is done when stopped, and asks again for less than is known in vain", () => {
    const whole = run(asked, { type: "map", map: cells({ done: 6 }) }, { type: "stopped" });
    expect(whole.phase).toBe("stopped");
    const again = reduceSweep(whole, asked);
    expect(reduceSweep(again, { type: "map", map: cells() }).maps[KEY]?.done).toBe(6);
  });

  it("keeps the maps of the other direction", () => {
    const noise = { ...asked, id: 8, request: request({ direction: "noise" }) };
    const both = run(asked, { type: "map", map: cells() }, noise, {
      type: "map",
      map: cells({ id: 8, direction: "noise" }),
    });
    expect(Object.keys(both.maps)).toEqual([
      KEY,
      mapKey(headsShape("z"), request({ direction: "noise" })),
    ]);
  });

  it("forgets everything with another experiment, its question only with the same", () => {
    const done = run(asked, { type: "map", map: cells() }, { type: "swept", id: 7 });
    expect(reduceSweep(done, { type: "new-scene" })).toEqual(NO_SWEEP);
    expect(reduceSweep(done, { type: "same-scene" })).toMatchObject({ request: undefined });
    expect(reduceSweep(done, { type: "same-scene" }).maps).toBe(done.maps);
  });
});
