/** Circuit mode: which circuit the panel shows, and what it asks. */

import type { CircuitFacts, CurveFacts } from "../model/circuit";
import type { FactRequest } from "../model/facts";
import { isCut } from "../model/patch";
import { isAblation, isMade, type Source } from "../model/source";
import { canAsk, type Known, known, NOTHING } from "./head";
import { selectedPatches } from "./selectors";
import type { State } from "./state";

/** What the rest of a circuit gets: what is chosen, if that takes something away, otherwise the other run. */
export function restSource({ source }: State): Source {
  return isMade(source) && isAblation(source) && source.kind !== "noise" ? source : "source";
}

/** The selection as a circuit; undefined if nothing is selected that one can be made of. */
export function circuitRequest(state: State): (FactRequest & { kind: "circuit" }) | undefined {
  const { direction, metric } = state;
  const patches = selectedPatches(state)
    .filter((patch) => !isCut(patch))
    .map(({ site }) => ({ site }));
  if (patches.length === 0) return undefined;
  return { kind: "circuit", patches, direction, metric, source: restSource(state) };
}

function curveRequest(state: State): FactRequest & { kind: "curve" } {
  const { direction, metric } = state;
  return { kind: "curve", direction, metric, source: restSource(state) };
}

/** The questions of the open panel. The curve takes long, and waits until somebody asks for it. */
export function circuitQuestions(state: State): readonly FactRequest[] {
  if (state.tab !== "circuit" || state.pending || state.saved || !canAsk(state)) return [];
  const curve = state.curve ? curveRequest(state) : undefined;
  return [circuitRequest(state), curve].filter((asked) => asked !== undefined);
}

export function knownCircuit(state: State): Known<CircuitFacts> {
  const request = circuitRequest(state);
  return request === undefined ? NOTHING : known(state.facts, "circuit", request, () => true);
}

export function knownCurve(state: State): Known<CurveFacts> {
  return known(state.facts, "curve", curveRequest(state), () => false);
}
