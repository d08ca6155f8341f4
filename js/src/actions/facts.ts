/** Asks by itself what the open panel of a head and the lens need, once the page stands still for a moment. */

import { type FactRequest, factKey } from "../model/facts";
import { circuitQuestions } from "../state/circuit";
import { knownFact, MOST_TRIES } from "../state/facts";
import { lensQuestions, panelQuestions } from "../state/head";
import type { State } from "../state/state";
import type { Tools } from "./tools";

/** Arrow keys that walk over heads ask for the last one only. */
const STILL = 60;

function isNeeded({ facts }: State, request: FactRequest): boolean {
  const key = factKey(request);
  if (knownFact(facts, request.kind, key) !== undefined) return false;
  const question = facts.questions[request.kind];
  if (question === undefined || question.key !== key) return true;
  return question.phase === "dropped" && question.tries < MOST_TRIES;
}

interface Asker {
  readonly consider: () => void;
  readonly dispose: () => void;
}

export function createAsker({ store, kernel }: Tools): Asker {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const needed = (): readonly FactRequest[] => {
    const state = store.state();
    const all = [...panelQuestions(state), ...circuitQuestions(state), ...lensQuestions(state)];
    // What feeds a head, and a curve, take longest, and are asked for last.
    const last = ({ kind }: FactRequest) => (kind === "senders" || kind === "curve" ? 1 : 0);
    return all.filter((one) => isNeeded(state, one)).sort((a, b) => last(a) - last(b));
  };
  const ask = (request: FactRequest) => {
    const { kind } = request;
    kernel.ask(request, (id) => {
      const event = { type: "asked", kind, id, key: factKey(request) } as const;
      store.dispatch({ type: "fact", event });
    });
  };
  return {
    consider: () => {
      if (timer !== undefined || needed().length === 0) return;
      timer = setTimeout(() => {
        timer = undefined;
        for (const request of needed()) ask(request);
      }, STILL);
    },
    dispose: () => clearTimeout(timer),
  };
}
