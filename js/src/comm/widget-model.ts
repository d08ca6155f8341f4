/** The part of anywidget's model that the page uses. */

import type { PatchRequest } from "../model/patch";

export type Handler = (this: unknown, ...args: unknown[]) => void;

/** The part of anywidget's model that is used here. */
export interface WidgetModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes?(): void;
  on(event: string, handler: Handler): void;
  off(event: string, handler: Handler): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  /** Whether a saved page stands for it: it has what was computed before, and no more can come. */
  readonly saved?: boolean;
  /** Whether questions about it stand on the page: it says nothing that is not asked for. */
  readonly quiz?: boolean;
  /** Whether a saved page has the answer to a request. */
  knows?(request: PatchRequest): boolean;
  readonly widget_manager?: unknown;
}
