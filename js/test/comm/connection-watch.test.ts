import { expect, it, vi } from "vitest";
import {
  BUSY_AFTER,
  ConnectionWatch,
  GONE_AFTER,
  IDLE_AFTER,
} from "../../src/comm/connection-watch";
import type { Connection } from "../../src/model/status";

it("is not lost for a page that was held up, in which the answer has yet to be read", () => {
  vi.useFakeTimers();
  const said: Connection[] = [];
  const watch = new ConnectionWatch(
    () => "idle",
    (connection) => said.push(connection),
  );
  watch.expect(1);
  const later = performance.now() + 10 * GONE_AFTER;
  const clock = vi.spyOn(performance, "now").mockReturnValue(later);
  vi.advanceTimersByTime(BUSY_AFTER);
  clock.mockRestore();
  vi.advanceTimersByTime(IDLE_AFTER - 1);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(said).toEqual(["gone"]);
  vi.useRealTimers();
});
