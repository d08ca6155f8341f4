/** Watches for acknowledgements: says when Python is busy, when it is gone, and when it is back. */

import { type Connection, isLost } from "../model/status";
import type { KernelStatus } from "./kernel-status";

export const BUSY_AFTER = 300;
export const IDLE_AFTER = 1500;
export const GONE_AFTER = 5000;
/** A timer that is later than this was held up, by the page. */
const HELD_UP = 200;

export class ConnectionWatch {
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>[]>();
  private connection: Connection = "live";
  private met = false;
  private readonly status: () => KernelStatus;
  private readonly changed: (connection: Connection) => void;

  constructor(status: () => KernelStatus, changed: (connection: Connection) => void) {
    this.status = status;
    this.changed = changed;
  }

  /**
   * Checks several times whether the acknowledgement of a message is late, and why. A page that was held up runs its
   * timers before it reads what has come meanwhile: then all begins anew.
   */
  expect(id: number): void {
    this.forget(id);
    const sent = performance.now();
    const check = (time: number) => {
      if (performance.now() - sent > time + HELD_UP) this.expect(id);
      else this.unanswered(time);
    };
    const times = [BUSY_AFTER, IDLE_AFTER, GONE_AFTER];
    this.timers.set(
      id,
      times.map((time) => setTimeout(check, time, time)),
    );
  }

  /** Any answer shows that Python is there. */
  heard(id: number): void {
    this.met = true;
    this.forget(id);
    if (this.timers.size === 0 || this.connection !== "busy") this.set("live");
  }

  /** A message could not be sent at all. */
  unsendable(): void {
    if (this.met) this.lost();
    else this.set("gone");
  }

  /** The model in Python is no more: with its kernel, or because that began anew. */
  lost(): void {
    this.set(this.status() === "ended" ? "gone" : "restarted");
  }

  /** Expects nothing any more. */
  clear(): void {
    for (const id of [...this.timers.keys()]) this.forget(id);
  }

  private forget(id: number): void {
    this.timers.get(id)?.forEach(clearTimeout);
    this.timers.delete(id);
  }

  /** First "busy", later "gone"; a kernel that is idle and silent has no Python for this view. */
  private unanswered(waited: number): void {
    const status = this.status();
    if (status === "ended" || status === "restarting") this.lost();
    else if (status === "busy") this.set("busy");
    else if (waited >= (status === "idle" ? IDLE_AFTER : GONE_AFTER)) this.set("gone");
    else if (status === "unknown") this.set("busy");
  }

  private set(connection: Connection): void {
    const lost = isLost(connection);
    if (connection === this.connection && !lost) return;
    this.connection = connection;
    if (lost) this.clear();
    this.changed(connection);
  }
}
