/** One view under attack: what a person and a kernel may do to it, and what must hold after each step. */

import { vi } from "vitest";
import type { Actions } from "../../src/actions/actions";
import { view } from "../../src/app/render";
import { GONE_AFTER } from "../../src/comm/connection-watch";
import widget from "../../src/index";
import type { PageLayout } from "../../src/layout/page";
import { MOST_PINS } from "../../src/model/mark";
import type { State } from "../../src/state/state";
import { FakeModel } from "../fixtures/model";
import { sweeping, tiny } from "../fixtures/worlds";
import { inspect } from "./template";
import { Wire } from "./wire";

/** happy-dom has no layout, so a change of width is told by hand. */
class Observed {
  static readonly all = new Set<() => void>();
  private readonly seen: () => void;

  constructor(seen: () => void) {
    this.seen = seen;
  }

  observe(): void {
    Observed.all.add(this.seen);
  }

  disconnect(): void {
    Observed.all.delete(this.seen);
  }
}

vi.stubGlobal("ResizeObserver", Observed);

const STEPS_PER_DRAWING = 8;

type Drawn = readonly [HTMLElement, string, State, PageLayout | undefined, Actions];

function assert(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export class AttackedPage {
  static newest: AttackedPage | undefined;
  readonly model = new FakeModel();
  readonly wire = new Wire(this.model, sweeping(tiny()));
  width = 1300;
  private shown: Drawn | undefined;
  private steps = 0;
  private newestResult = Number.NEGATIVE_INFINITY;
  private readonly el = document.createElement("main");
  private dispose: () => void;

  constructor() {
    AttackedPage.newest = this;
    document.body.replaceChildren(this.el);
    this.dispose = widget.render({ model: this.model, el: this.el });
  }

  /** The notebook is closed and opened again, with the picture that was saved. */
  reopen(): void {
    this.dispose();
    this.shown = undefined;
    this.newestResult = Number.NEGATIVE_INFINITY;
    this.model.sent.length = 0;
    const saved = this.model.get("snapshot");
    if (saved !== undefined) this.model.set("snapshot", JSON.parse(JSON.stringify(saved)));
    this.dispose = widget.render({ model: this.model, el: this.el });
  }

  resize(): void {
    for (const seen of Observed.all) seen();
  }

  drawn(drawn: unknown): void {
    this.shown = drawn as Drawn;
  }

  get act(): Actions | undefined {
    return this.shown?.[4];
  }

  get state(): State | undefined {
    return this.shown?.[2];
  }

  /** What must hold after every step. Drawing takes longest, so most steps go without it. */
  check(): void {
    this.steps += 1;
    if (this.steps % STEPS_PER_DRAWING === 0) this.draw();
    const pins = this.state?.entries.filter((entry) => entry.pinned) ?? [];
    assert(pins.length <= MOST_PINS, "more than two pins");
    const result = this.state?.result;
    if (result === undefined || !this.isMine(result.id)) return;
    assert(result.id >= this.newestResult, "an older answer replaced a newer one");
    this.newestResult = result.id;
  }

  private draw(): void {
    if (this.shown === undefined) return;
    const [, id, state, layout, act] = this.shown;
    const { wrong } = inspect(view(id, state, layout, act));
    assert(wrong.length === 0, `drawn with ${wrong.slice(0, 3).join("; ")}`);
  }

  private isMine(id: number): boolean {
    return this.model.sent.some((message) => message.id === id && message.kind === "patch");
  }

  /** The kernel recovers and answers all; then nothing may be busy any more. */
  end(): void {
    this.draw();
    this.model.closed = false;
    this.wire.settle();
    vi.advanceTimersByTime(2 * GONE_AFTER);
    this.wire.settle();
    this.act?.cancel();
    this.wire.settle();
    const { pending, sweep, connection } = this.state ?? {};
    assert(pending === undefined, "pending for ever");
    assert(connection !== "busy", "busy for ever");
    assert(sweep === undefined || sweep.phase !== "running", "a sweep for ever");
  }

  leave(): void {
    this.dispose();
    vi.clearAllTimers();
    const left = [...this.model.handlers.values()].reduce((n, all) => n + all.size, 0);
    assert(left === 0, "a listener stayed");
    assert(this.el.childElementCount === 0, "an element stayed");
  }
}
