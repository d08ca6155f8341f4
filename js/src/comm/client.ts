/** Requests and replies over the widget's comm: the newest request wins, stale replies are dropped. */

import type { Edit } from "../model/edit";
import type { FactKind, FactRequest } from "../model/facts";
import type { WrittenFormat } from "../model/file";
import type { MapSweepRequest } from "../model/map";
import type { Mark } from "../model/mark";
import type { NeuronsRequest } from "../model/neurons";
import type { PatchRequest } from "../model/patch";
import type { Position } from "../model/position";
import type { Result } from "../model/result";
import { type Failure, isLost } from "../model/status";
import { ConnectionWatch } from "./connection-watch";
import { decode } from "./decode";
import type { KernelEvent, SweepReply } from "./events";
import { failureOf, idOf, STOPPED } from "./failures";
import type { Buffers } from "./grids";
import { kernelStatus, liveness } from "./kernel-status";
import { newsOf } from "./news";
import type { Incoming, Outgoing } from "./protocol";
import { ownSource, sentOf } from "./sent";
import type { Handler, WidgetModel } from "./widget-model";

export interface Client {
  hello(): void;
  /** `asked` gets the id before anything is sent, since an answer may come at once. */
  patch(request: PatchRequest, asked: (id: number) => void): void;
  /** Asks for maps. Nobody clicked for them, so a late acknowledgement does not count as busy. */
  sweep(request: MapSweepRequest, asked: (id: number) => void): void;
  /** Asks for neurons. It may wait behind patches for long, as maps do. */
  neurons(request: NeuronsRequest, asked: (id: number) => void): void;
  /** Asks for the lines of Python that give the numbers of a request. */
  code(request: PatchRequest, asked: (id: number) => void): void;
  /** Asks for a file that only Python can write. */
  export(request: PatchRequest, format: WrittenFormat, asked: (id: number) => void): void;
  /** Writes a note at a patch of the history, or pins it. */
  mark(request: PatchRequest, mark: Mark): void;
  /** Asks for the tokens of prompts while they are written. */
  tokens(draft: Edit, asked: (id: number) => void): void;
  /** Asks about a head or a stream. As for maps, nobody clicked for it. */
  ask(request: FactRequest, asked: (id: number) => void): void;
  /** Says where the next click patches, where nothing is asked for that says so. */
  position(position: Position): void;
  cancel(): void;
  dispose(): void;
}

class CommClient implements Client {
  private nextId = 1 + Math.floor(Math.random() * 2 ** 30);
  private readonly mine = new Set<number>();
  private readonly patches = new Set<number>();
  private readonly sweeps = new Set<number>();
  private readonly questions = new Map<number, FactKind>();
  private readonly neuronLists = new Set<number>();
  private readonly drafts = new Set<number>();
  private readonly files = new Set<number>();
  /** The newest question for a patch, until it is answered. */
  private latest: number | undefined;
  /** The newest greeting, until it is answered or a patch is asked for: its answer brings the last result. */
  private greeting: number | undefined;
  private foreign: Result | undefined;
  private lost = false;
  private readonly watch: ConnectionWatch;
  private readonly model: WidgetModel;
  private readonly emit: (event: KernelEvent) => void;
  private readonly onMessage: Handler;
  private readonly onLive: Handler;

  constructor(model: WidgetModel, emit: (event: KernelEvent) => void) {
    this.model = model;
    this.emit = emit;
    this.watch = new ConnectionWatch(
      () => kernelStatus(model.widget_manager),
      (connection) => {
        this.lost = isLost(connection);
        emit({ type: "connection", connection });
      },
    );
    const self = this;
    this.onMessage = (content, buffers) => this.received(content, (buffers ?? []) as Buffers);
    this.onLive = function (this: unknown) {
      self.liveChanged(liveness(this));
    };
    model.on("msg:custom", this.onMessage);
    model.on("comm_live_update", this.onLive);
  }

  hello(): void {
    const id = this.takeId();
    this.greeting = id;
    this.send({ v: 1, kind: "hello", id });
  }

  patch(request: PatchRequest, asked: (id: number) => void): void {
    const id = this.takeId();
    this.latest = id;
    this.greeting = undefined;
    this.patches.add(id);
    asked(id);
    this.send({ v: 1, kind: "patch", id, ...sentOf(request) });
  }

  sweep(request: MapSweepRequest, asked: (id: number) => void): void {
    const id = this.takeId();
    const { maps, field, direction, metric, pair } = request;
    this.sweeps.add(id);
    asked(id);
    const view = { field, direction, metric, pair, ...ownSource(request) };
    this.post({ v: 1, kind: "sweep", id, maps, ...view });
  }

  neurons(request: NeuronsRequest, asked: (id: number) => void): void {
    const id = this.takeId();
    const { layer, top, direction, metric, pair } = request;
    this.neuronLists.add(id);
    asked(id);
    this.post({ v: 1, kind: "neurons", id, layer, top, direction, metric, pair });
  }

  code(request: PatchRequest, asked: (id: number) => void): void {
    const id = this.takeId();
    asked(id);
    this.send({ v: 1, kind: "code", id, ...sentOf(request) });
  }

  export(request: PatchRequest, format: WrittenFormat, asked: (id: number) => void): void {
    const id = this.takeId();
    this.files.add(id);
    asked(id);
    this.send({ v: 1, kind: "export", id, format, ...sentOf(request) });
  }

  mark(request: PatchRequest, mark: Mark): void {
    this.post({ v: 1, kind: "mark", id: this.takeId(), ...sentOf(request), ...mark });
  }

  tokens(draft: Edit, asked: (id: number) => void): void {
    const id = this.takeId();
    this.drafts.add(id);
    asked(id);
    this.post({ v: 1, kind: "tokens", id, ...draft });
  }

  ask(request: FactRequest, asked: (id: number) => void): void {
    const id = this.takeId();
    this.questions.set(id, request.kind);
    asked(id);
    this.post({ v: 1, id, ...request });
  }

  position(position: Position): void {
    this.post({ v: 1, kind: "position", id: this.takeId(), position });
  }

  cancel(): void {
    this.latest = undefined;
    this.watch.clear();
    this.send({ v: 1, kind: "cancel", id: this.takeId() });
  }

  dispose(): void {
    this.watch.clear();
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
    this.watch.expect(message.id);
    this.post(message);
  }

  private post(message: Outgoing): void {
    try {
      this.model.send(message);
    } catch {
      this.watch.unsendable();
    }
  }

  private liveChanged(live: boolean | undefined): void {
    if (live === false) this.watch.lost();
    else this.hello();
  }

  private received(content: unknown, buffers: Buffers): void {
    let message: Incoming | undefined;
    try {
      message = decode(content, buffers);
    } catch (error) {
      this.failed(idOf(content), failureOf(error));
      return;
    }
    if (message !== undefined) this.handle(message);
  }

  private emitSweep(event: SweepReply): void {
    this.emit({ type: "sweep", event });
  }

  private handle(message: Incoming): void {
    if (this.mine.has(message.id)) this.watch.heard(message.id);
    switch (message.kind) {
      case "ack":
        return;
      case "result":
        this.answered(message.result);
        return;
      case "dropped":
        this.dropped(message.id, message.why);
        return;
      case "error":
        this.failed(message.id, message.failure);
        return;
      default:
        this.emit(newsOf(message));
    }
  }

  /** A result of ours is stale if it is not the newest; one of another view waits while ours is pending. */
  private answered(result: Result): void {
    const { id } = result;
    if (this.mine.has(id) && id !== (this.latest ?? this.greeting)) return;
    if (!this.mine.has(id) && this.latest !== undefined && !this.lost) {
      this.foreign = result;
      return;
    }
    this.latest = undefined;
    this.greeting = undefined;
    this.foreign = undefined;
    this.emit({ type: "result", result });
  }

  private dropped(id: number, why: string): void {
    if (this.drafts.has(id)) {
      this.emit({ type: "tokens", id, tokens: undefined });
      return;
    }
    if (this.files.has(id)) {
      this.emit({ type: "unwritten", id, failure: STOPPED });
      return;
    }
    if (this.neuronLists.has(id)) this.emit({ type: "neurons-failed", id, failure: STOPPED });
    const kind = this.questions.get(id);
    if (kind !== undefined) this.emit({ type: "fact", event: { type: "dropped", kind, id } });
    else if (!this.patches.has(id) && !this.neuronLists.has(id))
      this.emitSweep({ type: "dropped", id, why });
    if (id !== this.latest) return;
    this.latest = undefined;
    const waiting = this.foreign;
    this.foreign = undefined;
    this.emit(waiting === undefined ? { type: "dropped" } : { type: "result", result: waiting });
  }

  private failed(id: number, failure: Failure): void {
    if (this.drafts.has(id)) {
      this.emit({ type: "tokens", id, tokens: undefined });
      return;
    }
    if (this.files.has(id)) {
      this.emit({ type: "unwritten", id, failure });
      return;
    }
    if (this.sweeps.has(id)) {
      this.emitSweep({ type: "failed", id, failure });
      return;
    }
    if (this.neuronLists.has(id)) {
      this.emit({ type: "neurons-failed", id, failure });
      return;
    }
    const kind = this.questions.get(id);
    if (kind !== undefined) {
      this.emit({ type: "fact", event: { type: "failed", kind, id, failure } });
      return;
    }
    if (this.patches.has(id) && id !== this.latest) return;
    if (id === this.latest) this.latest = undefined;
    this.emit({ type: "failed", failure, ended: this.latest === undefined });
  }
}

export function createClient(model: WidgetModel, emit: (event: KernelEvent) => void): Client {
  return new CommClient(model, emit);
}
