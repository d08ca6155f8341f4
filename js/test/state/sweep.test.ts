import { describe, expect, it } from "vitest";
import { mapKey } from "../../src/model/map";
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

  it("ignores the cells and the ends of older questions", () => {
    const newer = run(asked, { ...asked, id: 8, request: request({ direction: "noise" }) });
    expect(reduceSweep(newer, { type: "map", map: cells() })).toBe(newer);
    expect(reduceSweep(newer, { type: "dropped", id: 7 })).toBe(newer);
    expect(reduceSweep(newer, { type: "swept", id: 7 })).toBe(newer);
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
      map: cells({ id: 8 }),
    });
    expect(Object.keys(both.maps)).toEqual([KEY, mapKey("z", "noise", "logit_diff")]);
  });

  it("forgets everything with another experiment, its question only with the same", () => {
    const done = run(asked, { type: "map", map: cells() }, { type: "swept", id: 7 });
    expect(reduceSweep(done, { type: "new-scene" })).toEqual(NO_SWEEP);
    expect(reduceSweep(done, { type: "same-scene" })).toMatchObject({ request: undefined });
    expect(reduceSweep(done, { type: "same-scene" }).maps).toBe(done.maps);
  });
});
