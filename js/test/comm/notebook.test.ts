/** A saved notebook has pictures in the place of views, and gets its views back where its kernel runs. */

import { describe, expect, it } from "vitest";
import { keepPicture, keepsPictures, restoreView, withPictures } from "../../src/comm/notebook";
import { FakeModel } from "../fixtures/model";

const VIEW = "application/vnd.jupyter.widget-view+json";
const PICTURE = { png: "iVBO", text: "PatchResult(L0.H1)" };
const view = (id: string) => ({ version_major: 2, version_minor: 0, model_id: id });
const output = (id: string) => ({
  output_type: "execute_result",
  execution_count: 3,
  data: { "text/plain": "nothing patched", "image/png": "old", [VIEW]: view(id) },
  metadata: { tags: 1 },
});

/** A notebook as JupyterLab holds it, with one output. */
function notebook(saved: unknown) {
  let now = saved;
  const outputs = {
    length: 1,
    get: () => ({ toJSON: () => now }),
    set: (_: number, value: unknown) => {
      now = value;
    },
  };
  const whole = () => ({ cells: [{ outputs: [now] }, { source: "x" }], metadata: {} });
  return { model: { toJSON: whole, cells: [{ outputs }, {}] }, ready: Promise.resolve() };
}

function widget(context: unknown, id = "a1"): FakeModel {
  const model = new FakeModel();
  model.values.set("model_key", id);
  model.widget_manager = { context };
  return model;
}

const saved = { ...output("a1"), data: { "text/plain": PICTURE.text, "image/png": PICTURE.png } };

describe("saving", () => {
  it("puts the picture where the view was, and notes whose it was", () => {
    const context = notebook(output("a1"));
    keepPicture(widget(context), PICTURE);
    const metadata = { tags: 1, patchwidgets: { model_id: "a1" } };
    expect(context.model.toJSON()).toEqual({
      cells: [{ outputs: [{ ...saved, metadata }] }, { source: "x" }],
      metadata: {},
    });
  });

  it("says how large a picture is on a page: its pixels are twice as many", () => {
    const head = Uint8Array.from([...Array(16).fill(0), 0, 0, 7, 128, 0, 0, 2, 88]);
    const png = btoa(String.fromCharCode(...head));
    const context = notebook(output("a1"));
    keepPicture(widget(context), { ...PICTURE, png });
    const metadata = { "image/png": { width: 960, height: 300 } };
    expect(context.model.toJSON().cells[0]).toMatchObject({ outputs: [{ metadata }] });
  });

  it("leaves other outputs, and what has no picture yet", () => {
    for (const other of [output("b2"), { output_type: "stream", text: "hi" }, null, 7]) {
      const context = notebook(other);
      const before = structuredClone(context.model.toJSON());
      keepPicture(widget(context), PICTURE);
      if (other !== null && other !== 7) expect(context.model.toJSON()).toEqual(before);
      else expect(() => context.model.toJSON()).not.toThrow();
    }
  });

  it("keeps the view where the notebook keeps the widget's state", () => {
    const state = { state: { a1: {} } };
    const metadata = { widgets: { "application/vnd.jupyter.widget-state+json": state } };
    const whole = { cells: [{ outputs: [output("a1")] }], metadata };
    const kept = withPictures(whole, new Map([["a1", PICTURE]])) as typeof whole;
    expect(kept.cells[0]?.outputs[0]?.data).toEqual({ ...saved.data, [VIEW]: view("a1") });
    expect(kept.cells[0]?.outputs[0]?.metadata).toEqual({ tags: 1 });
  });

  it("leaves out a picture that could not be drawn", () => {
    const whole = { cells: [{ outputs: [output("a1")] }] };
    const kept = withPictures(whole, new Map([["a1", { ...PICTURE, png: "" }]])) as typeof whole;
    expect(kept.cells[0]?.outputs[0]?.data).toEqual({ "text/plain": PICTURE.text });
  });

  it("does nothing outside of a notebook", () => {
    for (const manager of [undefined, {}, { context: { model: {} } }, { context: 3 }]) {
      const model = new FakeModel();
      model.values.set("model_key", "a1");
      model.widget_manager = manager;
      expect(keepsPictures(model)).toBe(false);
      expect(() => keepPicture(model, PICTURE)).not.toThrow();
    }
  });
});

describe("reloading", () => {
  it("puts the view back", async () => {
    const note = { tags: 1, patchwidgets: { model_id: "a1" } };
    const context = notebook({ ...saved, metadata: note });
    await restoreView(widget(context));
    const [output] = context.model.toJSON().cells[0]?.outputs ?? [];
    const { data, metadata } = (output ?? {}) as Partial<typeof saved>;
    expect(data).toEqual({ ...saved.data, [VIEW]: view("a1") });
    expect(metadata).toEqual({ tags: 1 });
  });

  it("leaves the picture of another widget", async () => {
    const context = notebook({ ...saved, metadata: { patchwidgets: { model_id: "b2" } } });
    await restoreView(widget(context));
    expect(context.model.toJSON().cells[0]).toEqual({
      outputs: [{ ...saved, metadata: { patchwidgets: { model_id: "b2" } } }],
    });
  });
});
