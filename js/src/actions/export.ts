/** What leaves the page as a file, or through the clipboard: pictures, maps, and what Python writes. */

import type { Scene } from "../model/experiment";
import type { Delivery, FileFormat, TextFile, WrittenFormat } from "../model/file";
import { MAP_COLUMNS, mapRows } from "../state/map-table";
import { currentFinding, selectedRequest } from "../state/selectors";
import { csvText } from "../text/csv";
import { fileName } from "../text/file-name";
import { findingSentence } from "../text/finding";
import { set, type Tools } from "./tools";

export interface ExportActions {
  export(format: FileFormat): void;
  delivery(delivery: Delivery): void;
}

const NO_PNG = "This browser cannot draw the PNG here. Take the SVG: it is the same picture.";

const NO_COPY = "Copying is not allowed here.";

function say({ store }: Tools, notice: string): void {
  set(store, { notice });
}

function nameOf({ store }: Tools, scene: Scene, end: string): string {
  const { patches, direction } = selectedRequest(store.state());
  return fileName(patches, direction, scene.model, end);
}

async function deliver(tools: Tools, { name, mediaType, text }: TextFile): Promise<void> {
  const { store, page } = tools;
  if (store.state().delivery === "save") {
    page.save(name, new Blob([text], { type: mediaType }));
    say(tools, `${name} is downloaded. If nothing came, choose Copy: some hosts block downloads.`);
    return;
  }
  say(tools, (await page.copy(text)) ? `${name} is in the clipboard, as text.` : NO_COPY);
}

/** The view without the menu: what it covers is what is wanted. */
function closeMenu({ store, page }: Tools): void {
  set(store, { panel: "none", notice: undefined });
  page.focusExport();
}

function titleOf({ store }: Tools, scene: Scene): string {
  const found = currentFinding(store.state(), scene);
  const said = found === undefined ? "Nothing is patched." : findingSentence(found);
  return `${scene.model.name}: ${said}`;
}

async function png(tools: Tools, scene: Scene): Promise<void> {
  const { store, page } = tools;
  const name = nameOf(tools, scene, "png");
  const drawn = await page.png(titleOf(tools, scene));
  if (drawn === undefined) {
    say(tools, NO_PNG);
  } else if (store.state().delivery === "copy") {
    say(tools, (await page.copyImage(drawn)) ? `${name} is in the clipboard.` : NO_COPY);
  } else {
    page.save(name, drawn);
    say(tools, `${name} is downloaded. If nothing came, choose Copy: some hosts block downloads.`);
  }
}

function csv(tools: Tools, scene: Scene): void {
  const layout = tools.page.layout();
  if (layout === undefined) return;
  const rows = mapRows(tools.store.state(), scene, layout);
  if (rows.length === 0) {
    say(tools, "No map has any number yet.");
    return;
  }
  const text = csvText(MAP_COLUMNS, rows);
  void deliver(tools, { name: nameOf(tools, scene, "csv"), mediaType: "text/csv", text });
}

function askPython(tools: Tools, format: WrittenFormat): void {
  const { store, kernel } = tools;
  kernel.export(selectedRequest(store.state()), format, (id) =>
    set(store, { writing: { id, format, file: undefined }, notice: undefined }),
  );
}

function exportAs(tools: Tools, format: FileFormat): void {
  const { scene } = tools.store.state();
  if (scene === undefined) return;
  if (format === "mermaid" || format === "page") {
    askPython(tools, format);
    return;
  }
  if (format === "csv") {
    csv(tools, scene);
    return;
  }
  closeMenu(tools);
  if (format === "png") {
    void png(tools, scene);
    return;
  }
  const text = tools.page.svg(titleOf(tools, scene));
  void deliver(tools, { name: nameOf(tools, scene, "svg"), mediaType: "image/svg+xml", text });
}

/** Hands over what Python has written. */
export function deliverWritten(tools: Tools): void {
  const file = tools.store.state().writing?.file;
  if (file === undefined) return;
  set(tools.store, { writing: undefined });
  void deliver(tools, file);
}

export function exportActions(tools: Tools): ExportActions {
  return {
    export: (format) => exportAs(tools, format),
    delivery: (delivery) => set(tools.store, { delivery }),
  };
}
