/** What every view gets: the state, where things lie, and what may be done. */

import type { Direction, Position, Scene } from "./protocol";
import type { Layout } from "./pure/geometry";
import type { Panel, State, Tab } from "./state";

export interface Actions {
  /** Patch one site; `extend` adds it to the joint patch, or takes it out. */
  patch(site: string, extend: boolean): void;
  /** Patch a site that says its position itself. */
  patchExactly(site: string, extend: boolean): void;
  hover(site: string | undefined): void;
  focus(site: string): void;
  direction(direction: Direction): void;
  metric(name: string): void;
  position(position: Position): void;
  stepPosition(step: -1 | 1): void;
  undo(): void;
  redo(): void;
  cancel(): void;
  replay(number: number): void;
  pin(): void;
  clear(): void;
  panel(panel: Panel): void;
  tab(tab: Tab): void;
  mapped(component: string): void;
  mapFocus(name: string, site: string): void;
  stopSweep(): void;
  continueSweep(): void;
  typed(site: string): void;
  unfold(): void;
  window(first: number): void;
  copy(text: string): void;
  dismiss(): void;
}

export interface Context {
  readonly state: State;
  readonly scene: Scene;
  readonly layout: Layout;
  readonly act: Actions;
  readonly id: string;
}
