/** What a person may do: every action is a change of state, a request to the kernel, or both. */

import type { Direction } from "../model/experiment";
import type { Position } from "../model/position";
import type { Scores, Tab, Unit } from "../state/state";
import type { Term } from "../text/terms";
import { type CircuitActions, circuitActions } from "./circuit";
import { type EditActions, editActions } from "./edit";
import { type ExportActions, exportActions } from "./export";
import { type FreezeActions, freezeActions } from "./freeze";
import { type HeadActions, headActions } from "./head";
import { moveInTimeline, replay } from "./history";
import { createMapActions, type MapActions } from "./map-actions";
import { type MarkActions, markActions } from "./marks";
import { type PairActions, pairActions } from "./pairs";
import { type PanelActions, panelActions } from "./panels";
import { cancelPatch, clear, patchOne, patchTyped } from "./patching";
import { choosePart, type PathActions, pathActions } from "./path";
import { movePosition, stepPosition, unfold } from "./position";
import { type SourceActions, sourceActions } from "./source";
import { askSweep, stopSweep } from "./sweep";
import { askPatch, set, type Tools } from "./tools";

export interface Actions
  extends HeadActions,
    MapActions,
    SourceActions,
    CircuitActions,
    FreezeActions,
    PathActions,
    PairActions,
    EditActions,
    MarkActions,
    ExportActions,
    PanelActions {
  /** Patches a site at the selected position; `extend` adds it to the joint patch or takes it out. */
  patch(site: string, extend: boolean): void;
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
  tab(tab: Tab): void;
  unit(unit: Unit): void;
  scores(scores: Scores): void;
  clear(): void;
  fullScreen(): void;
  /** Takes the keyboard to the cell that was clicked, in a map or in the patched lane. */
  takeKeyboard(site: string, map?: string): void;
  stopSweep(): void;
  continueSweep(): void;
  patchTyped(site: string): void;
  unfold(): void;
  scrollLayers(first: number): void;
  /** Shows the boxes of all three lanes, or of the patched one alone. */
  lanesFull(): void;
  explain(term: Term | undefined): void;
}

export function createActions(tools: Tools): Actions {
  const { store, page } = tools;
  return {
    ...createMapActions(tools),
    ...pairActions(tools),
    ...editActions(tools),
    ...markActions(tools),
    ...freezeActions(tools),
    ...pathActions(tools),
    ...exportActions(tools),
    patch: (site, extend) =>
      store.state().draft === undefined
        ? patchOne(tools, site, extend)
        : choosePart(tools, site, extend),
    hover: (hover) => hover !== store.state().hover && set(store, { hover }),
    focus: (focus) => focus !== store.state().focus && set(store, { focus }),
    direction: (direction) =>
      direction !== store.state().direction && askPatch(tools, { direction }),
    metric: (metric) => askPatch(tools, { metric }),
    position: (position) => movePosition(tools, position),
    stepPosition: (step) => stepPosition(tools, step),
    undo: () => moveInTimeline(tools, -1),
    redo: () => moveInTimeline(tools, 1),
    cancel: () => cancelPatch(tools),
    replay: (number) => replay(tools, number),
    tab: (tab) => set(store, { tab }),
    unit: (unit) => set(store, { unit }),
    scores: (scores) => set(store, { scores }),
    clear: () => clear(tools),
    fullScreen: () => tools.page.fullScreen(),
    takeKeyboard: (site, map) =>
      map === undefined ? page.focusCell(site) : page.focusMap(map, site),
    stopSweep: () => stopSweep(tools),
    continueSweep: () => askSweep(tools),
    patchTyped: (text) => patchTyped(tools, text),
    unfold: () => unfold(tools),
    scrollLayers: (first) => set(store, { firstLayer: Math.max(0, first) }),
    lanesFull: () => set(store, { lanesFull: !store.state().lanesFull }),
    explain: (explained) => explained !== store.state().explained && set(store, { explained }),
    ...{ ...headActions(tools), ...sourceActions(tools), ...circuitActions(tools) },
    ...panelActions(tools),
  };
}
