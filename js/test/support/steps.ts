/** The steps of an attack: what a person does, what time does, what becomes of messages. */

import fc from "fast-check";
import { vi } from "vitest";
import type { Actions } from "../../src/actions/actions";
import type { FileFormat } from "../../src/model/file";
import type { Position } from "../../src/model/position";
import type { Panel, Scores, Tab, Unit } from "../../src/state/state";
import type { Term } from "../../src/text/terms";
import { apart, fewNames } from "../fixtures/datasets";
import { markup, sweeping, tiny, unequal } from "../fixtures/worlds";
import type { AttackedPage } from "./attacked-page";
import { hostileText, hostileValue, SPOILT_BUFFERS, spoilt, spoiltBuffers } from "./hostile";

/** Nothing is expected before a step; what must hold after it is checked by the page. */
class Step implements fc.Command<object, AttackedPage> {
  private readonly name: string;
  private readonly act: (page: AttackedPage) => void;

  constructor(name: string, act: (page: AttackedPage) => void) {
    this.name = name;
    this.act = act;
  }

  check(): boolean {
    return true;
  }

  run(_: object, page: AttackedPage): void {
    this.act(page);
    page.check();
  }

  toString(): string {
    return this.name;
  }
}

/** A step with random values. */
function step<T extends readonly unknown[]>(
  name: string,
  values: { [K in keyof T]: fc.Arbitrary<T[K]> },
  act: (page: AttackedPage, ...values: T) => void,
): fc.Arbitrary<Step> {
  return fc
    .tuple<unknown[]>(...(values as readonly fc.Arbitrary<unknown>[]))
    .map(
      (drawn) => new Step(`${name}(${fc.stringify(drawn)})`, (p) => act(p, ...(drawn as never))),
    );
}

/** What a person does. */
function person<T extends readonly unknown[]>(
  name: string,
  values: { [K in keyof T]: fc.Arbitrary<T[K]> },
  act: (actions: Actions, ...values: T) => void,
): fc.Arbitrary<Step> {
  return step<T>(name, values, (page, ...drawn) => page.act && act(page.act, ...drawn));
}

const index = fc.nat({ max: 11 });

const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const site = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("L0.H0", "L1.H1", "L2.H3", "L1.mlp_out", "L0.attn_out") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "L1.resid_post",
      "L0.H1@-1",
      "L2.N7@1:3",
      "embed@S2",
      "L0.H1->L2.H3.q",
    ),
  },
  { weight: 1, arbitrary: hostileText },
);

const receiver = fc.constantFrom("L1.H1.q", "L2.KV1.k", "L2.mlp_in", "logits", "L9.H0.q", "?");

const field = fc.oneof(fc.constantFrom("total", "direct", "estimate"), receiver);

const position = fc.oneof(
  fc.constantFrom<Position>("all", 0, 1, -1, "S2"),
  fc.oneof(fc.integer(), fc.double(), hostileText),
);

const direction = fc.constantFrom("denoise" as const, "noise" as const);

const PANELS: readonly Panel[] = ["none", "keys", "export", "site", "menu"];

const TABS: readonly Tab[] = ["heads", "positions", "reach", "logits", "neurons", "history"];

const METRICS = ["logit_diff", "answer_prob", "kl", "none of them"];

const COMPONENTS = ["mlp_out", "attn_out", "resid_pre", "z"];

const persons = [
  person<[string, boolean]>("click", [site, fc.boolean()], (a, s, extend) => a.patch(s, extend)),
  person<[string, string, boolean]>("map", [site, field, fc.boolean()], (a, s, f, extend) =>
    a.patchCell(s, f, extend),
  ),
  person<[string]>("field", [field], (a, f) => a.field(f)),
  person<[boolean]>("mode", [fc.boolean()], (a, on) => a.pathMode(on)),
  person<[string]>("receiver", [receiver], (a, r) => a.chooseReceiver(r)),
  person<[string]>("heads", [fc.constantFrom("z", "q", "k", "none")], (a, c) => a.headComponent(c)),
  person<[number]>("map layer", [fc.constantFrom(0, 1, 99)], (a, l) => a.mapLayer(l)),
  person<[number | null]>("neurons", [fc.constantFrom(null, 1, 99)], (a, l) => a.neuronLayer(l)),
  person<[string]>("type", [site], (a, s) => a.patchTyped(s)),
  person<[string]>("hover", [site], (a, s) => a.hover(s)),
  person<[string]>("focus", [site], (a, s) => a.focus(s)),
  person<["denoise" | "noise"]>("direction", [direction], (a, d) => a.direction(d)),
  person<[string]>("metric", [fc.constantFrom(...METRICS)], (a, m) => a.metric(m)),
  person<[Position]>("position", [position], (a, p) => a.position(p)),
  person<[1 | -1]>("step", [fc.constantFrom(1, -1)], (a, s) => a.stepPosition(s)),
  person<["mean" | number]>("pair", [fc.oneof(fc.constant("mean" as const), index)], (a, p) =>
    a.pair(p),
  ),
  person<["clean" | "answer"]>("edit", [fc.constantFrom("clean", "answer")], (a, f) => a.edit(f)),
  person<[string]>(
    "write",
    [fc.oneof(fc.constantFrom("When Mary", "w a b"), hostileText)],
    (a, t) => a.write({ clean: t }),
  ),
  person<[1 | -1]>("step pair", [fc.constantFrom(1, -1)], (a, s) => a.stepPair(s)),
  person<[Panel]>("panel", [fc.constantFrom(...PANELS)], (a, p) => a.panel(p)),
  person<[Tab]>("tab", [fc.constantFrom(...TABS)], (a, t) => a.tab(t)),
  person<[Unit]>("unit", [fc.constantFrom("share", "effect")], (a, u) => a.unit(u)),
  person<[Scores]>("scores", [fc.constantFrom("logit", "prob")], (a, s) => a.scores(s)),
  person<[Term]>("explain", [fc.constantFrom("host", "notch", "checks")], (a, t) => a.explain(t)),
  person<[string]>("component", [fc.constantFrom(...COMPONENTS)], (a, c) => a.mapComponent(c)),
  person<[FileFormat]>("export", [fc.constantFrom("csv", "mermaid", "page")], (a, f) =>
    a.export(f),
  ),
  person<[number]>("unpin", [index], (a, n) => a.unpin(n)),
  person<[number | undefined]>("write note", [fc.option(index, { nil: undefined })], (a, n) =>
    a.writeNote(n),
  ),
  person<[number, string]>("note", [index, hostileText], (a, n, text) => a.note(n, text)),
  person<[string]>("edit and run", [fc.constantFrom("w a b", "w a c d")], (a, text) => {
    a.edit("clean");
    a.write({ clean: text });
    a.runEdit();
  }),
  person<[number]>("replay", [index], (a, n) => a.replay(n)),
  person<[number]>("scroll", [index], (a, n) => a.scrollLayers(n)),
  ...(
    [
      "undo",
      "redo",
      "cancel",
      "pin",
      "stopSweep",
      "continueSweep",
      "unfold",
      "dismiss",
      "runEdit",
      "cancelEdit",
      "clear",
      "lanesFull",
    ] as const
  ).map((name) => person<[]>(name, [], (a) => a[name]())),
];

const WORLDS = { tiny, markup, unequal, names: () => fewNames(6), apart };

const deliver = step<[number]>("deliver", [index], (p, i) => p.wire.deliver(p.wire.take(i)));

const wires = [
  step<[number]>("work", [index], (p, i) => p.wire.work(i)),
  step<[number]>("lose", [index], (p, i) => p.wire.take(i)),
  step<[number]>("double", [index], (p, i) => p.wire.deliver(p.wire.peek(i))),
  step<[number, number, unknown]>("spoil", [index, part, hostileValue], (p, i, where, put) => {
    const letter = p.wire.take(i);
    if (letter !== undefined) p.model.receive(spoilt(letter.message, where, put), letter.buffers);
  }),
  step<[number, (typeof SPOILT_BUFFERS)[number]]>(
    "spoil buffers",
    [index, fc.constantFrom(...SPOILT_BUFFERS)],
    (p, i, how) => {
      const letter = p.wire.take(i);
      if (letter !== undefined) p.model.receive(letter.message, spoiltBuffers(letter.buffers, how));
    },
  ),
  step<[number, number]>("of another view", [index, fc.integer()], (p, i, id) => {
    const letter = p.wire.peek(i);
    if (letter !== undefined) p.model.receive({ ...letter.message, id }, letter.buffers);
  }),
  step<["dropped" | "error" | "ack", number]>(
    "end",
    [fc.constantFrom("dropped", "error", "ack"), index],
    (p, kind, i) => {
      const id = p.model.sent.at(-1 - i)?.id;
      p.model.receive({ v: 1, kind, id, why: "cancelled", code: "E", message: "no", details: "" });
    },
  ),
  step<[unknown]>("any message", [hostileValue], (p, message) => p.model.receive(message)),
];

const STATUSES = ["busy", "idle", "dead", "restarting", "starting", undefined];

const surroundings = [
  step<[number]>("time", [fc.constantFrom(1, 60, 310, 1600, 6000)], (_, ms) => {
    vi.advanceTimersByTime(ms);
  }),
  step<[boolean]>("closed", [fc.boolean()], (p, closed) => {
    p.model.closed = closed;
  }),
  step<[boolean]>("comm", [fc.boolean()], (p, live) =>
    p.model.trigger("comm_live_update", { model: { comm_live: live } }),
  ),
  step<[unknown]>("kernel", [fc.constantFrom(...STATUSES)], (p, status) => {
    p.model.widget_manager = { kernel: { status } };
  }),
  step<[keyof typeof WORLDS]>(
    "restart",
    [fc.constantFrom("tiny", "markup", "unequal", "names", "apart")],
    (p, world) => {
      p.wire.restart(sweeping(WORLDS[world]()));
      p.model.trigger("comm_live_update", { model: { comm_live: true } });
    },
  ),
  step<[string, unknown]>(
    "trait",
    [
      fc.constantFrom("selection", "position", "direction", "metric"),
      fc.oneof(fc.array(site), site, position, direction, hostileValue),
    ],
    (p, name, value) => p.model.set(name, value),
  ),
  step<[number]>("width", [fc.constantFrom(0, 1, 320, 899, 1300, 2400)], (p, width) => {
    p.width = width;
    p.resize();
  }),
  step<[]>("saved", [], (p) => p.reopen()),
];

export const commands = fc.commands(
  [
    ...persons,
    ...wires,
    ...surroundings,
    // Most messages arrive as they were sent; otherwise nothing would ever be shown.
    ...Array.from({ length: 14 }, () => deliver),
    ...Array.from({ length: 8 }, () => wires[0] ?? deliver),
  ],
  { maxCommands: 60, size: "max" },
);
