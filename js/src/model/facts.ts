/** What the page asks in one message and the kernel answers in one: about a head, about what feeds it, about the stream. */

import {
  type CircuitFacts,
  type CircuitRequest,
  type CurveFacts,
  type CurveRequest,
  circuitKey,
  curveKey,
} from "./circuit";
import {
  type HeadFacts,
  type HeadRequest,
  headKey,
  type SenderFacts,
  type SendersRequest,
  sendersKey,
} from "./head";
import { type LensFacts, type LensRequest, lensKey } from "./lens";

export type FactKind = "head" | "senders" | "lens" | "circuit" | "curve";

export type FactRequest =
  | ({ readonly kind: "head" } & HeadRequest)
  | ({ readonly kind: "senders" } & SendersRequest)
  | ({ readonly kind: "lens" } & LensRequest)
  | ({ readonly kind: "circuit" } & CircuitRequest)
  | ({ readonly kind: "curve" } & CurveRequest);

export type Fact =
  | ({ readonly kind: "head" } & HeadFacts)
  | ({ readonly kind: "senders" } & SenderFacts)
  | ({ readonly kind: "lens" } & LensFacts)
  | ({ readonly kind: "circuit" } & CircuitFacts)
  | ({ readonly kind: "curve" } & CurveFacts);

/** The answers of one kind. */
export type FactOf<K extends FactKind> = Fact & { readonly kind: K };

/** All that an answer depends on: the same for a request and for its answer. */
export function factKey(of: FactRequest | Fact): string {
  switch (of.kind) {
    case "head":
      return headKey(of);
    case "senders":
      return sendersKey(of);
    case "lens":
      return lensKey(of);
    case "circuit":
      return circuitKey(of);
    case "curve":
      return curveKey(of);
  }
}
