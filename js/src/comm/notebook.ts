/**
 * The notebook of JupyterLab and Notebook 7, as far as it is reached from a widget.
 *
 * A notebook that is opened without its kernel has no model for a widget: JupyterLab then shows an error where the view
 * was. So what is saved has a picture of the last state in the place of the view, and a note whose view it was. With its
 * kernel, such a notebook gets the view back.
 */

import type { Picture } from "./picture";
import { isRecord } from "./validate";
import type { WidgetModel } from "./widget-model";

const VIEW = "application/vnd.jupyter.widget-view+json";
const STATE = "application/vnd.jupyter.widget-state+json";
/** The trait with the id of the widget's own model. */
const OWN_ID = "model_key";

type Json = Record<string, unknown>;

interface Outputs {
  readonly length: number;
  get(index: number): { toJSON(): unknown };
  set(index: number, output: unknown): void;
}

interface NotebookModel {
  toJSON(): unknown;
  readonly cells: Iterable<{ readonly outputs?: Outputs }>;
}

interface Context {
  readonly model: NotebookModel;
  readonly ready: Promise<void>;
}

const pictures = new WeakMap<NotebookModel, Map<string, Picture>>();

function contextOf(model: WidgetModel): Context | undefined {
  const manager = model.widget_manager;
  const context = isRecord(manager) ? manager.context : undefined;
  const notebook = isRecord(context) ? context.model : undefined;
  const known = isRecord(notebook) && typeof notebook.toJSON === "function";
  return known && "cells" in notebook ? (context as unknown as Context) : undefined;
}

function ownId(model: WidgetModel): string | undefined {
  const id = model.get(OWN_ID);
  return typeof id === "string" && id !== "" ? id : undefined;
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The ids of the models whose state the notebook keeps itself, if its user wants that. */
function keptStates(notebook: Json): Json {
  const metadata = isRecord(notebook.metadata) ? notebook.metadata : {};
  const widgets = isRecord(metadata.widgets) ? metadata.widgets[STATE] : undefined;
  return isRecord(widgets) && isRecord(widgets.state) ? widgets.state : {};
}

/** The size of a PNG on a page: it has two pixels for one, so that it is sharp. Nothing for what is none. */
function pageSize(png: string): Json {
  try {
    const head = Uint8Array.from(atob(png.slice(0, 32)), (c) => c.charCodeAt(0));
    const view = new DataView(head.buffer);
    return { "image/png": { width: view.getUint32(16) / 2, height: view.getUint32(20) / 2 } };
  } catch {
    return {};
  }
}

function pictured(output: Json, known: ReadonlyMap<string, Picture>, kept: Json): Json {
  const data = isRecord(output.data) ? output.data : {};
  const view = isRecord(data[VIEW]) ? data[VIEW] : {};
  const id = String(view.model_id);
  const picture = known.get(id);
  if (picture === undefined) return output;
  const { [VIEW]: own, "image/png": _, ...rest } = data;
  const png = picture.png === "" ? {} : { "image/png": picture.png };
  const still = { ...rest, ...png, "text/plain": picture.text };
  const metadata = {
    ...(isRecord(output.metadata) ? output.metadata : {}),
    ...pageSize(picture.png),
  };
  if (Object.hasOwn(kept, id)) return { ...output, data: { ...still, [VIEW]: own }, metadata };
  return { ...output, data: still, metadata: { ...metadata, patchwidgets: { model_id: id } } };
}

/** A notebook as it is saved, with pictures in the place of views. */
export function withPictures(notebook: unknown, known: ReadonlyMap<string, Picture>): unknown {
  if (!isRecord(notebook)) return notebook;
  const kept = keptStates(notebook);
  const cells = list(notebook.cells).map((cell) =>
    Array.isArray(cell.outputs)
      ? { ...cell, outputs: list(cell.outputs).map((each) => pictured(each, known, kept)) }
      : cell,
  );
  return { ...notebook, cells };
}

function picturesOf(notebook: NotebookModel): Map<string, Picture> {
  const known = pictures.get(notebook);
  if (known !== undefined) return known;
  const made = new Map<string, Picture>();
  pictures.set(notebook, made);
  const whole = notebook.toJSON;
  notebook.toJSON = () => withPictures(whole.call(notebook), made);
  return made;
}

/** Whether a picture can stay in the notebook. */
export function keepsPictures(model: WidgetModel): boolean {
  return contextOf(model) !== undefined && ownId(model) !== undefined;
}

export function keepPicture(model: WidgetModel, picture: Picture): void {
  const [context, id] = [contextOf(model), ownId(model)];
  if (context !== undefined && id !== undefined) picturesOf(context.model).set(id, picture);
}

function restored(output: unknown, id: string): Json | undefined {
  if (!isRecord(output) || !isRecord(output.data) || !isRecord(output.metadata)) return;
  const { patchwidgets: note, ...metadata } = output.metadata;
  if (!isRecord(note) || note.model_id !== id) return undefined;
  const view = { version_major: 2, version_minor: 0, model_id: id };
  return { ...output, metadata, data: { ...output.data, [VIEW]: view } };
}

/** Puts the view back where a saved notebook has only its picture: the model is alive. */
export async function restoreView(model: WidgetModel): Promise<void> {
  const [context, id] = [contextOf(model), ownId(model)];
  if (context === undefined || id === undefined) return;
  await context.ready;
  for (const { outputs } of context.model.cells) {
    for (let i = 0; i < (outputs?.length ?? 0); i++) {
      const output = restored(outputs?.get(i).toJSON(), id);
      if (output !== undefined) outputs?.set(i, output);
    }
  }
}
