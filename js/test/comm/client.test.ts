import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, createClient } from "../../src/comm/client";
import { BUSY_AFTER, GONE_AFTER, IDLE_AFTER } from "../../src/comm/connection-watch";
import type { KernelEvent } from "../../src/comm/events";
import { kernelStatus } from "../../src/comm/kernel-status";
import { FakeModel } from "../fixtures/model";
import { bytes, recordedResult } from "../fixtures/recorded";

const REQUEST = {
  patches: [{ site: "L23.H3", source: "source" }],
  direction: "denoise",
  metric: "logit_diff",
  pair: "mean",
  edits: [],
} as const;

let model: FakeModel;
let events: KernelEvent[];
let client: Client;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel();
  events = [];
  client = createClient(model, (event) => events.push(event));
});

afterEach(() => {
  client.dispose();
  vi.useRealTimers();
});

const ask = () => {
  let id = -1;
  client.patch(REQUEST, (given) => {
    id = given;
  });
  return id;
};

const ack = (id: number) => model.receive({ v: 1, kind: "ack", id });

const answer = (id: number) => {
  const found = recordedResult("L23.H3 denoise");
  model.receive({ ...found?.message, id }, (found?.buffers ?? []).map(bytes));
};

const kinds = () => events.map((e) => (e.type === "connection" ? e.connection : e.type));

describe("requests", () => {
  it("carry everything, with integer ids that start anywhere and count up", () => {
    const [a, b] = [ask(), ask()];
    expect(Number.isInteger(a)).toBe(true);
    expect(b).toBe(a + 1);
    expect(model.sent[0]).toEqual({ v: 1, kind: "patch", id: a, ...REQUEST });
    const other = new FakeModel();
    createClient(other, () => {}).hello();
    expect(other.last().id).not.toBe(a);
  });

  it("tells the id before anything is sent, so that an answer may come at once", () => {
    const order: string[] = [];
    model.answer = () => order.push("sent");
    client.patch(REQUEST, () => order.push("asked"));
    expect(order).toEqual(["asked", "sent"]);
  });
});

describe("latest wins", () => {
  it("ignores the answers, errors and drops of older questions", () => {
    const [old, latest] = [ask(), ask()];
    answer(old);
    model.receive({ v: 1, kind: "error", id: old, code: "E", message: "late", details: "" });
    model.receive({ v: 1, kind: "dropped", id: old, why: "superseded" });
    expect(events).toEqual([]);
    answer(latest);
    expect(kinds()).toEqual(["result"]);
  });

  it("shows another view's result, but not over one's own question", () => {
    answer(-1);
    expect(kinds()).toEqual(["result"]);
    const own = ask();
    answer(-2);
    expect(kinds()).toEqual(["result"]);
    answer(own);
    expect(kinds()).toEqual(["result", "result"]);
  });

  it("shows what Python asked for when it replaced one's own question", () => {
    const own = ask();
    answer(-2);
    model.receive({ v: 1, kind: "dropped", id: own, why: "superseded" });
    expect(events).toMatchObject([{ type: "result", result: { id: -2 } }]);
  });

  it("takes hello's result unless something was asked since", () => {
    client.hello();
    const hello = model.last().id;
    const own = ask();
    answer(hello);
    expect(events).toEqual([]);
    answer(own);
    expect(kinds()).toEqual(["result"]);
  });

  it("forgets the question when cancelled", () => {
    const own = ask();
    client.cancel();
    expect(model.last().kind).toBe("cancel");
    model.receive({ v: 1, kind: "dropped", id: own, why: "cancelled" });
    expect(events).toEqual([]);
  });

  it("passes errors and drops of the newest question on", () => {
    model.receive({
      v: 1,
      kind: "error",
      id: ask(),
      code: "SiteError",
      message: "no",
      details: "t",
    });
    model.receive({ v: 1, kind: "dropped", id: ask(), why: "cancelled" });
    expect(events).toEqual([
      {
        type: "failed",
        failure: { code: "SiteError", message: "no", details: "t" },
        ended: true,
      },
      { type: "dropped" },
    ]);
  });
});

describe("messages that come twice, late or spoilt", () => {
  it("never put an older answer over a newer one", () => {
    const old = ask();
    answer(old);
    const latest = ask();
    answer(latest);
    answer(old);
    client.cancel();
    answer(latest);
    expect(events.map((e) => e.type === "result" && e.result.id)).toEqual([old, latest]);
  });

  it("take hello's result once, and not over a question or another view's newer result", () => {
    client.hello();
    const hello = model.last().id;
    answer(hello);
    answer(-2);
    answer(hello);
    expect(events.map((e) => e.type === "result" && e.result.id)).toEqual([hello, -2]);
    const own = ask();
    client.hello();
    answer(model.last().id);
    answer(own);
    expect(events.at(-1)).toMatchObject({ type: "result", result: { id: own } });
    expect(events).toHaveLength(3);
  });

  it("do not end the wait for one's own answer with another request's failure", () => {
    const own = ask();
    model.receive({ v: 1, kind: "error", id: -2, code: "E", message: "theirs", details: "" });
    model.receive({ v: 1, kind: "result", id: -3 });
    expect(events).toMatchObject([
      { type: "failed", ended: false, failure: { message: "theirs" } },
      { type: "failed", ended: false, failure: { code: "DecodeError" } },
    ]);
    answer(own);
    expect(kinds()).toEqual(["failed", "failed", "result"]);
  });

  it("end the wait if it is one's own answer that cannot be read, and let others through", () => {
    model.receive({ v: 1, kind: "result", id: ask() });
    expect(events).toMatchObject([{ type: "failed", ended: true }]);
    answer(-2);
    expect(kinds()).toEqual(["failed", "result"]);
  });

  it("ignore the late failure of an older question", () => {
    const old = ask();
    answer(ask());
    model.receive({ v: 1, kind: "error", id: old, code: "E", message: "late", details: "" });
    expect(kinds()).toEqual(["result"]);
  });

  it("let another view's result through when nobody answers one's own question any more", () => {
    ask();
    vi.advanceTimersByTime(GONE_AFTER);
    answer(-2);
    expect(kinds()).toEqual(["busy", "gone", "result"]);
  });
});

describe("the connection", () => {
  it("is busy after 300 ms without acknowledgement, and live with it", () => {
    const id = ask();
    vi.advanceTimersByTime(BUSY_AFTER - 1);
    expect(events).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(kinds()).toEqual(["busy"]);
    ack(id);
    expect(kinds()).toEqual(["busy", "live"]);
    vi.advanceTimersByTime(60_000);
    expect(kinds()).toEqual(["busy", "live"]);
  });

  it("is silent while an acknowledged question is computed", () => {
    ack(ask());
    vi.advanceTimersByTime(60_000);
    expect(events).toEqual([]);
  });

  it("is gone after five seconds, and live again when an answer comes after all", () => {
    const id = ask();
    vi.advanceTimersByTime(GONE_AFTER);
    expect(kinds()).toEqual(["busy", "gone"]);
    ack(id);
    expect(kinds()).toEqual(["busy", "gone", "live"]);
  });

  it("stays busy for as long as Jupyter says that the kernel is", () => {
    model.widget_manager = { kernel: { status: "busy" } };
    ask();
    vi.advanceTimersByTime(10 * GONE_AFTER);
    expect(kinds()).toEqual(["busy"]);
  });

  it("does not call an idle kernel busy, and is gone the sooner", () => {
    model.widget_manager = { kernel: { status: "idle" } };
    ask();
    vi.advanceTimersByTime(IDLE_AFTER - 1);
    expect(events).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(kinds()).toEqual(["gone"]);
  });

  it("is gone at once where nothing can be sent", () => {
    model.closed = true;
    ask();
    expect(kinds()).toEqual(["gone"]);
  });

  it("notices a restart: nothing can be sent to a kernel that has answered before", () => {
    ack(ask());
    model.closed = true;
    ask();
    expect(kinds()).toEqual(["restarted"]);
  });

  it("notices a restart at once where the comm's model says so", () => {
    ack(ask());
    model.trigger("comm_live_update", { model: { comm_live: false } });
    expect(kinds()).toEqual(["restarted"]);
  });

  it.each([
    [{ status: "restarting" }, "restarted"],
    [{ status: "terminating" }, "gone"],
    [{ status: "dead" }, "gone"],
    [null, "gone"],
  ])("tells a restart from a shutdown: %o", (kernel, said) => {
    ack(ask());
    model.widget_manager = { kernel };
    model.trigger("comm_live_update", { model: { comm_live: false } });
    expect(kinds()).toEqual([said]);
  });

  it("says hello again when the comm comes back, or when it cannot be told", () => {
    model.trigger("comm_live_update", { model: { comm_live: true } });
    expect(model.last().kind).toBe("hello");
    model.trigger("comm_live_update");
    expect(model.sent).toHaveLength(2);
  });

  it("reads Jupyter's kernel status", () => {
    expect(kernelStatus(undefined)).toBe("unknown");
    expect(kernelStatus({ kernel: { status: "idle" } })).toBe("idle");
    expect(kernelStatus({ kernel: null })).toBe("ended");
    expect(kernelStatus({ kernel: { status: "dead" } })).toBe("ended");
    expect(kernelStatus({ kernel: { status: "busy" } })).toBe("busy");
    expect(kernelStatus({ kernel: { status: "autorestarting" } })).toBe("restarting");
  });
});

it("reports what it cannot read", () => {
  model.receive({ v: 1, kind: "result", id: 3, patches: "x" });
  expect(events[0]).toMatchObject({ type: "failed", failure: { code: "DecodeError" } });
});

it("leaves nothing behind", () => {
  ask();
  client.dispose();
  expect([...model.handlers.values()].every((all) => all.size === 0)).toBe(true);
  vi.advanceTimersByTime(GONE_AFTER);
  expect(events).toEqual([]);
});
