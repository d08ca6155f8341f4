/** What actions work with: the store, the kernel and the page. */

import type { PageLayout } from "../layout/page";
import type { Edit, EditField } from "../model/edit";
import type { FactRequest } from "../model/facts";
import type { WrittenFormat } from "../model/file";
import type { MapSweepRequest } from "../model/map";
import type { Mark } from "../model/mark";
import type { NeuronsRequest } from "../model/neurons";
import { type PatchRequest, pathOf } from "../model/patch";
import type { Position } from "../model/position";
import { selectedRequest } from "../state/selectors";
import type { Settable } from "../state/state";
import type { Store } from "../state/store";

/** What actions need of the page. */
export interface Page {
  readonly layout: () => PageLayout | undefined;
  readonly focusCell: (site: string) => void;
  readonly focusMap: (name: string, site: string) => void;
  /** The cell that Tab would reach. */
  readonly focusGrid: () => void;
  /** Scrolls the rows of tokens so that this one is in their middle. */
  readonly showToken: (position: number) => void;
  readonly focusPanel: () => void;
  /** A field of the prompts that are being written. */
  readonly focusField: (field: EditField) => void;
  /** The pencil of a prompt, if the keyboard is in this view. */
  readonly focusPencil: (field: EditField) => void;
  /** The field of a note; if none is open, the button that opens it. */
  readonly focusNote: (number: number) => void;
  readonly copy: (text: string) => Promise<boolean>;
  /** The view as it is seen. `title` says what it shows. */
  readonly svg: (title: string) => string;
  /** The same as pixels; undefined where this browser cannot draw them. */
  readonly png: (title: string) => Promise<Blob | undefined>;
  readonly save: (name: string, content: Blob) => void;
  readonly copyImage: (png: Blob) => Promise<boolean>;
  /** The button that opens the menu of exports, or the menu that it stands in. */
  readonly focusExport: () => void;
  /** Fills the screen with this view, or gives it back. */
  readonly fullScreen: () => void;
}

/** What actions ask of the kernel. `asked` gets the id of a request before it is sent. */
interface Kernel {
  patch(request: PatchRequest, asked: (id: number) => void): void;
  sweep(request: MapSweepRequest, asked: (id: number) => void): void;
  neurons(request: NeuronsRequest, asked: (id: number) => void): void;
  export(request: PatchRequest, format: WrittenFormat, asked: (id: number) => void): void;
  mark(request: PatchRequest, mark: Mark): void;
  code(request: PatchRequest, asked: (id: number) => void): void;
  tokens(draft: Edit, asked: (id: number) => void): void;
  ask(request: FactRequest, asked: (id: number) => void): void;
  position(position: Position): void;
  cancel(): void;
}

export interface Tools {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly page: Page;
}

export function set(store: Store, values: Partial<Settable>): void {
  store.dispatch({ type: "set", values });
}

/** Asks the kernel for a patch; `cursor` says which step of the timeline this is. */
export function askPatch(
  { store, kernel }: Tools,
  change: Partial<PatchRequest>,
  cursor?: number,
): void {
  const whole = { ...selectedRequest(store.state()), ...change };
  const request =
    pathOf(whole.patches) === undefined ? whole : { ...whole, source: "source" as const };
  // The request leaves before the page draws that it waits: the kernel need not wait for a drawing.
  kernel.patch(request, (id) => store.note({ type: "asked", pending: { id, request, cursor } }));
  store.tell();
}
