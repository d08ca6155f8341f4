/** The panel of a head and the lens: opening them, and cutting an edge of attention. */

import type { FactKind } from "../model/facts";
import { LENS_METHODS, type LensMethod } from "../model/lens";
import { isCut, type Patch } from "../model/patch";
import { positionText } from "../model/position";
import type { Cut } from "../model/source";
import { canCut, knownLens } from "../state/head";
import type { Edge, HeadPanel } from "../state/head-panel";
import { selectedPatches } from "../state/selectors";
import { NO_EDGE } from "../text/cut";
import { patchOrClear } from "./patching";
import { askPatch, set, type Tools } from "./tools";

export interface HeadActions {
  /** Cuts an edge of attention of the panel's head; `extend` adds it to the joint patch or takes it out. */
  cut(edge: Edge, extend: boolean): void;
  /** Patches a path such as "L20.H0->L23.H3.q", as it is written; the focus stays. */
  patchPath(path: string): void;
  /** An edge of the panel's head is under the pointer, or has the focus. */
  edge(edge: Edge | undefined): void;
  headPanel(values: Partial<HeadPanel>): void;
  openHead(): void;
  /** Asks again for what failed or was dropped. */
  askAgain(kind: FactKind): void;
  lens(method: LensMethod | undefined): void;
  stepLens(): void;
}

function cutOf(site: string, keys: Cut["keys"]): Patch {
  return { site, source: { kind: "cut", keys } };
}

/** The joint patch with one more key cut, or without it if it was cut already. */
function toggledCut(patches: readonly Patch[], site: string, key: number): readonly Patch[] {
  const before = patches.find((patch) => patch.site === site && isCut(patch));
  const rest = patches.filter((patch) => patch.site !== site);
  if (before === undefined || !isCut(before)) return [...rest, cutOf(site, [key])];
  const others = before.source.keys.filter((other) => other !== key);
  const keys = others.length < before.source.keys.length ? others : [...others, key];
  return keys.length === 0 ? rest : [...rest, cutOf(site, keys)];
}

/** Cuts the edge from a query to a key of the panel's head, as a patch like any other. */
function cutEdge(tools: Tools, edge: Edge, extend: boolean): void {
  const state = tools.store.state();
  const { scene, headPanel } = state;
  if (scene === undefined || headPanel.head === undefined) return;
  if (!canCut(state, scene, edge)) {
    set(tools.store, { notice: NO_EDGE });
    return;
  }
  const at = positionText(edge.query, scene.task.clean.length);
  const site = `${headPanel.head}.pattern@${at}`;
  const patches = extend ? selectedPatches(state) : [];
  patchOrClear(tools, toggledCut(patches, site, edge.key));
}

function showEdge({ store }: Tools, edge: Edge | undefined): void {
  const { headPanel } = store.state();
  const { query, key } = headPanel.edge ?? {};
  if (query === edge?.query && key === edge?.key) return;
  const hover = edge === undefined ? undefined : `@${edge.key}`;
  set(store, { hover, headPanel: { ...headPanel, edge } });
}

/** The lenses that the model is known to have. */
function lensMethods({ store }: Tools): readonly LensMethod[] {
  const state = store.state();
  const known = state.scene && knownLens(state, state.scene).fact?.methods;
  return known ?? LENS_METHODS.slice(0, 1);
}

/** Off, the logit lens, the Jacobian lens if there is one, off. */
function stepLens(tools: Tools): void {
  const { lens } = tools.store.state();
  const methods = lensMethods(tools);
  set(tools.store, { lens: methods[lens === undefined ? 0 : methods.indexOf(lens) + 1] });
}

export function headActions(tools: Tools): HeadActions {
  const { store } = tools;
  return {
    cut: (edge, extend) => cutEdge(tools, edge, extend),
    patchPath: (site) => askPatch(tools, { patches: [{ site, source: "source" }] }),
    edge: (edge) => showEdge(tools, edge),
    openHead: () => set(store, { tab: "head" }),
    headPanel: (values) => set(store, { headPanel: { ...store.state().headPanel, ...values } }),
    askAgain: (kind) => store.dispatch({ type: "fact", event: { type: "again", kind } }),
    lens: (lens) => set(store, { lens }),
    stepLens: () => stepLens(tools),
  };
}
