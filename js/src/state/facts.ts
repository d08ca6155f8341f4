/** What is known about heads and streams, and what is on its way: their part of the reducer. */

import { type Fact, type FactKind, type FactOf, factKey } from "../model/facts";
import type { Failure } from "../model/status";

/** The newest question of a kind. */
interface Question {
  readonly id: number;
  readonly key: string;
  readonly phase: "asked" | "answered" | "dropped" | "failed";
  readonly message: string;
  /** How often it was asked: somebody else may take its place once. */
  readonly tries: number;
}

export interface Facts {
  readonly questions: Partial<Readonly<Record<FactKind, Question>>>;
  /** By kind and key; the newest last. */
  readonly known: ReadonlyMap<string, Fact>;
}

export type FactEvent =
  | { readonly type: "asked"; readonly kind: FactKind; readonly id: number; readonly key: string }
  | { readonly type: "answered"; readonly id: number; readonly fact: Fact }
  | { readonly type: "dropped"; readonly kind: FactKind; readonly id: number }
  | {
      readonly type: "failed";
      readonly kind: FactKind;
      readonly id: number;
      readonly failure: Failure;
    }
  /** Ask again for what failed or was dropped. */
  | { readonly type: "again"; readonly kind: FactKind }
  | { readonly type: "lost" | "new-scene" };

export const NO_FACTS: Facts = { questions: {}, known: new Map() };

const KEPT = 60;

export const MOST_TRIES = 3;

function withQuestion(facts: Facts, kind: FactKind, question: Question): Facts {
  return { ...facts, questions: { ...facts.questions, [kind]: question } };
}

function asked(facts: Facts, { kind, id, key }: FactEvent & { type: "asked" }): Facts {
  const before = facts.questions[kind];
  const tries = before?.key === key ? before.tries + 1 : 1;
  return withQuestion(facts, kind, { id, key, phase: "asked", message: "", tries });
}

function kept(known: Facts["known"], keys: readonly string[], fact: Fact): Facts["known"] {
  const next = new Map(known);
  for (const key of keys) {
    next.delete(key);
    next.set(key, fact);
  }
  for (const key of [...next.keys()].slice(0, -KEPT)) next.delete(key);
  return next;
}

/** An answer counts whoever asked, since it says what it is about. */
function answered(facts: Facts, id: number, fact: Fact): Facts {
  const question = facts.questions[fact.kind];
  const own = question?.id === id;
  const keys = [factKey(fact), ...(own ? [question.key] : [])];
  const known = kept(
    facts.known,
    keys.map((key) => `${fact.kind} ${key}`),
    fact,
  );
  const next = { ...facts, known };
  return own ? withQuestion(next, fact.kind, { ...question, phase: "answered" }) : next;
}

function ended(
  facts: Facts,
  { kind, id }: { readonly kind: FactKind; readonly id: number },
  phase: "dropped" | "failed",
  message = "",
): Facts {
  const question = facts.questions[kind];
  return question?.id === id ? withQuestion(facts, kind, { ...question, phase, message }) : facts;
}

export function reduceFacts(facts: Facts, event: FactEvent): Facts {
  switch (event.type) {
    case "asked":
      return asked(facts, event);
    case "answered":
      return answered(facts, event.id, event.fact);
    case "dropped":
      return ended(facts, event, "dropped");
    case "failed":
      return ended(facts, event, "failed", event.failure.message);
    case "again": {
      const { [event.kind]: _, ...questions } = facts.questions;
      return { ...facts, questions };
    }
    case "lost":
      return { ...facts, questions: {} };
    case "new-scene":
      return NO_FACTS;
  }
}

/** The answer that is known under a key. */
export function knownFact<K extends FactKind>(
  facts: Facts,
  kind: K,
  key: string,
): FactOf<K> | undefined {
  const fact = facts.known.get(`${kind} ${key}`);
  return fact?.kind === kind ? (fact as FactOf<K>) : undefined;
}

/** The newest answer of a kind that is like what is wanted. */
export function lastFact<K extends FactKind>(
  facts: Facts,
  kind: K,
  alike: (fact: FactOf<K>) => boolean,
): FactOf<K> | undefined {
  const all = [...facts.known.values()].filter((fact): fact is FactOf<K> => fact.kind === kind);
  return all.findLast(alike);
}
