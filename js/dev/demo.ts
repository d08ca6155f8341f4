/** The demo page: one view over the toy kernel, in a state named in the address (?world=smollm&theme=dark). */

import widget from "../src/index";
import { apart, names } from "../test/fixtures/datasets";
import { serve, type World } from "../test/fixtures/kernel";
import { FakeModel } from "../test/fixtures/model";
import { replay } from "../test/fixtures/recorded";
import { early, huge, long, markup, smollm, sweeping, tiny } from "../test/fixtures/worlds";

const WORLDS: Readonly<Record<string, () => World>> = {
  smollm: () => smollm(),
  equal: () => smollm({ values: [6.12, 6.12] }),
  warned: () =>
    smollm({
      warnings: ["On the clean prompt the model prefers ␣the to ␣Mary; effects explain little."],
    }),
  refused: () => smollm({ refused: { z: "attention cannot be split into heads in this model" } }),
  tiny,
  names,
  apart,
  huge,
  early,
  long,
  markup,
};

const query = new URLSearchParams(location.search);
const plain = (WORLDS[query.get("world") ?? "smollm"] ?? smollm)();
const world = query.get("maps") === "0" ? plain : sweeping(plain);
const fill = Number(query.get("fill") ?? 1);
const every = Number(query.get("every") ?? 0);
const model = new FakeModel();
const el = document.getElementById("here") ?? document.body;
if (query.get("theme") === "dark") document.body.setAttribute("data-jp-theme-light", "false");
else document.body.setAttribute("data-jp-theme-light", "true");

if (query.get("world") === "real") replay(model, fill);
else serve(model, world, 0, { fill, every, estimate: query.get("estimate") === "1" });
const dispose = widget.render({ model, el });

const silent = (ack: boolean) => {
  model.answer = (message) => {
    if (ack) model.receive({ v: 1, kind: "ack", id: message.id });
  };
};

Object.assign(globalThis, { demo: { model, serve, silent, world, dispose } });
