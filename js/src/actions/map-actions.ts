/** What a person may do with the maps and the list of neurons. */

import type { Field } from "../model/map";
import { cellPatch } from "../state/maps";
import { followPath, patchExactly } from "./patching";
import { choosePart } from "./path";
import { set, type Tools } from "./tools";

export interface MapActions {
  /** Patches what a cell of a map stands for, as it is written: its site, or its path to a receiver. */
  patchCell(site: string, field: Field, extend: boolean): void;
  field(field: Field): void;
  headComponent(component: string): void;
  mapLayer(layer: number): void;
  neuronLayer(layer: number | null): void;
  /** Asks for the neurons again. */
  retryNeurons(): void;
  mapComponent(component: string): void;
  mapFocus(name: string, site: string): void;
}

export function createMapActions(tools: Tools): MapActions {
  const { store } = tools;
  return {
    patchCell: (site, field, extend) => {
      const patched = cellPatch(field, site);
      if (patched !== site) {
        patchExactly(tools, patched, false);
        followPath(tools, patched);
      } else if (store.state().draft === undefined) patchExactly(tools, site, extend);
      else choosePart(tools, site, extend);
    },
    field: (field) => set(store, { field }),
    headComponent: (headComponent) => {
      const { heads: _, ...mapFocus } = store.state().mapFocus;
      set(store, { headComponent, mapFocus });
    },
    mapLayer: (mapLayer) => set(store, { mapLayer }),
    neuronLayer: (neuronLayer) => set(store, { neuronLayer }),
    retryNeurons: () => set(store, { neurons: undefined }),
    mapComponent: (component) => set(store, { mapComponent: component, mapFocus: {} }),
    mapFocus: (name, site) => set(store, { mapFocus: { ...store.state().mapFocus, [name]: site } }),
  };
}
