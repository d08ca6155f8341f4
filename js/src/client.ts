/** Requests and replies over the widget's comm: acknowledgement watch, latest wins, lost kernels. */

import { type Buffers, decode } from "./decode";
import type {
  Failure,
  Incoming,
  Outgoing,
  PatchRequest,
  Result,
  Scene,
  Single,
  SweepRequest,
} from "./protocol";
import type { Connection } from "./state";
import type { SweepEvent } from "./sweep";

export const BUSY_AFTER = 300;
export const IDLE_AFTER = 1500;
export const GONE_AFTER = 5000;

type Handler = (this: unknown, ...args: unknown[]) => void;

/** The part of anywidget's model that is used here. */
export interface WidgetModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(event: string, handler: Handler): void;
  off(event: string, handler: Handler): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  readonly widget_manager?: unknown;
}

export type Event =
  | { readonly type: "scene"; readonly scene: Scene }
  | { readonly type: "result"; readonly result: Result }
  | { readonly type: "singles"; readonly id: number; readonly singles: readonly Single[] }
  | { readonly type: "sweep"; readonly event: SweepEvent }
  | { readonly type: "dropped" }
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "connection"; readonly connection: Connection };

export interface Client {
  hello(): void;
  /** `asked` hears the id before anything is sent: an answer may come at once. */
  patch(request: PatchRequest, asked: (id: number) => void): void;
  /** Asks for maps. Nobody clicked for it: the page does not wait for its acknowledgement. */
  sweep(request: SweepRequest, asked: (id: number) => void): void;
  cancel(): void;
  dispose(): void;
}

type KernelStatus = "busy" | "idle" | "lost" | "unknown";

/** What Jupyter says of the kernel, where its manager can be asked. */
export function kernelStatus(manager: unknown): KernelStatus {
  const kernel = (manager as { kernel?: { status?: unknown } } | null | undefined)?.kernel;
  const status = kernel?.status;
  if (status === "busy" || status === "starting") return "busy";
  if (status === "idle") return "idle";
  const lost = ["restarting", "autorestarting", "terminating", "dead"];
  return typeof status === "string" && lost.includes(status) ? "lost" : "unknown";
}

/** Whether the model behind a comm event is still connected; undefined where it cannot be told. */
function liveness(context: unknown): boolean | undefined {
  const model = (context as { model?: { comm_live?: unknown } } | null | undefined)?.model;
  return typeof model?.comm_live === "boolean" ? model.comm_live : undefined;
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "DecodeError",
    message: `The kernel sent something this page cannot read: ${message}`,
    details: error instanceof Error ? (error.stack ?? message) : message,
  };
}

class CommClient implements Client {
  private nextId = 1 + Math.floor(Math.random() * 2 ** 30);
  private readonly mine = new Set<number>();
  private readonly sweeps = new Set<number>();
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>[]>();
  private latest: number | undefined;
  private foreign: Result | undefined;
  private connection: Connection = "live";
  private met = false;
  private readonly model: WidgetModel;
  private readonly emit: (event: Event) => void;
  private readonly onMessage: Handler;
  private readonly onLive: Handler;

  constructor(model: WidgetModel, emit: (event: Event) => void) {
    this.model = model;
    this.emit = emit;
    const self = this;
    this.onMessage = (content, buffers) => this.received(content, (buffers ?? []) as Buffers);
    this.onLive = function (this: unknown) {
      self.liveChanged(liveness(this));
    };
    model.on("msg:custom", this.onMessage);
    model.on("comm_live_update", this.onLive);
  }

  hello(): void {
    this.send({ v: 1, kind: "hello", id: this.takeId() });
  }

  patch(request: PatchRequest, asked: (id: number) => void): void {
    const id = this.takeId();
    const { patches, direction, metric } = request;
    this.latest = id;
    asked(id);
    this.send({ v: 1, kind: "patch", id, patches, direction, metric });
  }

  sweep(request: SweepRequest, asked: (id: number) => void): void {
    const id = this.takeId();
    const { maps, direction, metric } = request;
    this.sweeps.add(id);
    asked(id);
    this.post({ v: 1, kind: "sweep", id, maps, direction, metric });
  }

  cancel(): void {
    this.latest = undefined;
    this.clearTimers();
    this.send({ v: 1, kind: "cancel", id: this.takeId() });
  }

  dispose(): void {
    this.clearTimers();
    this.model.off("msg:custom", this.onMessage);
    this.model.off("comm_live_update", this.onLive);
  }

  private takeId(): number {
    const id = this.nextId;
    this.nextId += 1;
    this.mine.add(id);
    return id;
  }

  private send(message: Outgoing): void {
    this.watch(message.id);
    this.post(message);
  }

  private post(message: Outgoing): void {
    try {
      this.model.send(message);
    } catch {
      this.connected(this.met ? "restarted" : "gone");
    }
  }

  /** Looks again and again whether the acknowledgement is late, and why. */
  private watch(id: number): void {
    const times = [BUSY_AFTER, IDLE_AFTER, GONE_AFTER];
    this.timers.set(
      id,
      times.map((time) => setTimeout(() => this.unanswered(time), time)),
    );
  }

  /** First "busy", later "gone"; a kernel that is idle and silent has no Python for this view. */
  private unanswered(waited: number): void {
    const status = kernelStatus(this.model.widget_manager);
    if (status === "lost") this.connected("restarted");
    else if (status === "busy") this.connected("busy");
    else if (waited >= (status === "idle" ? IDLE_AFTER : GONE_AFTER)) this.connected("gone");
    else if (status === "unknown") this.connected("busy");
  }

  private clearTimers(id?: number): void {
    for (const [key, timers] of this.timers) {
      if (id !== undefined && key !== id) continue;
      timers.forEach(clearTimeout);
      this.timers.delete(key);
    }
  }

  private connected(connection: Connection): void {
    const lost = connection === "gone" || connection === "restarted";
    if (connection === this.connection && !lost) return;
    this.connection = connection;
    if (lost) this.clearTimers();
    this.emit({ type: "connection", connection });
  }

  private liveChanged(live: boolean | undefined): void {
    if (live === false) this.connected("restarted");
    else this.hello();
  }

  private received(content: unknown, buffers: Buffers): void {
    let message: Incoming | undefined;
    try {
      message = decode(content, buffers);
    } catch (error) {
      this.emit({ type: "failed", failure: failureOf(error) });
      return;
    }
    if (message !== undefined) this.handle(message);
  }

  /** Any answer to this view shows that Python is there. */
  private heard(id: number): void {
    if (!this.mine.has(id)) return;
    this.met = true;
    this.clearTimers(id);
    if (this.timers.size === 0 || this.connection !== "busy") this.connected("live");
  }

  private stale(id: number): boolean {
    return this.mine.has(id) && id !== this.latest;
  }

  private handle(message: Incoming): void {
    this.heard(message.id);
    switch (message.kind) {
      case "ack":
        return;
      case "scene":
        this.emit({ type: "scene", scene: message.scene });
        return;
      case "singles":
        this.emit({ type: "singles", id: message.id, singles: message.singles });
        return;
      case "cells":
        this.emit({ type: "sweep", event: { type: "cells", cells: message.cells } });
        return;
      case "swept":
        this.emit({ type: "sweep", event: { type: "swept", id: message.id } });
        return;
      case "result":
        this.answered(message.result);
        return;
      case "dropped":
        this.dropped(message.id);
        return;
      case "error":
        this.failed(message.id, message.failure);
        return;
    }
  }

  /** One of ours that is not the newest is stale; another's waits while ours is on its way. */
  private answered(result: Result): void {
    const hello = this.latest === undefined && this.mine.has(result.id);
    if (!hello && this.stale(result.id)) return;
    if (!this.mine.has(result.id) && this.latest !== undefined) {
      this.foreign = result;
      return;
    }
    this.latest = undefined;
    this.foreign = undefined;
    this.emit({ type: "result", result });
  }

  private dropped(id: number): void {
    if (this.sweeps.has(id)) this.emit({ type: "sweep", event: { type: "dropped", id } });
    if (id !== this.latest) return;
    this.latest = undefined;
    const waiting = this.foreign;
    this.foreign = undefined;
    this.emit(waiting === undefined ? { type: "dropped" } : { type: "result", result: waiting });
  }

  private failed(id: number, failure: Failure): void {
    if (this.sweeps.has(id)) {
      this.emit({ type: "sweep", event: { type: "failed", id, failure } });
      return;
    }
    if (this.stale(id) && this.latest !== undefined) return;
    if (id === this.latest) this.latest = undefined;
    this.emit({ type: "failed", failure });
  }
}

export function createClient(model: WidgetModel, emit: (event: Event) => void): Client {
  return new CommClient(model, emit);
}
