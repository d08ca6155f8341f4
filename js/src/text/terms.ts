/** The page's own words, each explained in one line where it stands. */

import { type Direction, hostOf, sourceOf } from "../model/experiment";

export type Term =
  | "denoise"
  | "noise"
  | "host"
  | "frozen"
  | "source"
  | "put-zero"
  | "put-mean"
  | "put-resample"
  | "put-noise"
  | "put-steer"
  | "put-at"
  | "changed"
  | "patched"
  | "layer"
  | "heads"
  | "attn"
  | "mlp"
  | "stream"
  | "reach"
  | "elsewhere"
  | "zero"
  | "notch"
  | "range"
  | "share"
  | "effect"
  | "logit"
  | "prob"
  | "recovery"
  | "checks"
  | "attention"
  | "total"
  | "direct"
  | "fed"
  | "writes"
  | "lens";

export interface TermContext {
  readonly direction: Direction;
  /** What model it is, and what was checked when it was loaded. */
  readonly model: string;
  readonly checks: string;
}

type Said = (host: string, source: string, context: TermContext) => string;

const SENTENCES: Readonly<Record<Term, Said>> = {
  denoise: () =>
    "Denoise: clean values go into the corrupted run. A high number means: enough here.",
  noise: () => "Noise: corrupted values go into the clean run. A large drop means: needed here.",
  host: (host, source) =>
    `Host: the run that is patched. The ${host} prompt is run again, with some ${source} values.`,
  source: (host, source) =>
    `Source: the run that values are taken from. Its ${source} values go into the ${host} run.`,
  "put-zero": () =>
    "Zero: the box writes zeros. Simple, but perhaps a state that the model never sees.",
  "put-mean": () =>
    "Mean: the box writes its mean, so that it still says what it always says, and nothing about this prompt.",
  "put-resample": () =>
    "Other prompts: the box writes what it has in another pair, drawn at random; numbers are means over draws.",
  "put-noise": () =>
    "Noise: random numbers are added to a token's embedding (3 standard deviations), as in causal tracing.",
  "put-steer": () =>
    "Steer: α times what the clean and the corrupted run differ by in a box is added to it.",
  "put-at": () => "Another position: the box writes what it has at another token.",
  changed: () =>
    "Changed: how far a box moved in any direction. Full is as far as the two runs are apart, at the last token.",
  patched: (host, source) =>
    `Patched: the ${host} prompt, run again with the ${source} value of every box that has a violet ring.`,
  layer: () =>
    "Columns are layers, from the first to the last. Token positions are in the line of words above.",
  heads: () =>
    "H0, H1, …: the attention heads of a layer, one box each (z, what a head writes before W_O).",
  attn: () => "attn: what all heads of a layer together add to the stream (attn_out).",
  mlp: () => "MLP: what the MLP of a layer adds to the stream (mlp_out).",
  stream: () =>
    "stream: the residual stream after a layer (resid_post), the sum of all that was added so far.",
  reach: (host, source) =>
    `Reach: how far a box moved from its ${host} to its ${source} value, at the last token. Full is all the way.`,
  frozen: (host) =>
    `Frozen: it keeps its ${host} value, whatever changes before it, so that a patch has no effect through it.`,
  elsewhere: (_, source) =>
    `Ring: it changed a lot (size ≥ 0.5), but hardly towards its ${source} value (cos < 0.3).`,
  zero: () => "Dot: exactly 0. No patched value can reach it, so nothing had to be computed.",
  notch: (_, source) =>
    `Notch in the corner: further than the ${source} value, or further than the colours reach.`,
  range: () =>
    "The colours end here, so that small effects can be seen; what goes further has a notch in its corner.",
  share: (host, source) =>
    `Share: the part of the way from the ${host} run's metric (0 %) to the ${source} run's (100 %).`,
  effect: (host) =>
    `Effect: the patched run's metric minus the ${host} run's, in the metric's unit.`,
  logit: () => "Logit: the score of a token before the softmax, at the last position.",
  prob: () => "Probability of a token as the next one, at the last position.",
  recovery: () =>
    "Recovery: where the patched run's metric lies between the corrupted run's (0) and the clean run's (1).",
  attention: () =>
    "Attention: how much of what this head reads at the query comes from each token; a row adds up to 100 %.",
  total: (host, source) =>
    `Total: the ${host} run gets this head's ${source} value at all positions, and everything after it follows.`,
  direct: () =>
    "Direct: only what the head itself adds for the logits changes; all other components stay as in the host.",
  fed: (_, source) =>
    `Fed by: what changes if only this head's queries, keys or values see the sender's ${source} value. Exact.`,
  writes: () =>
    "Writes: what the head's output adds to the logit of each token directly, by the unembedding; most and least.",
  lens: () =>
    "Lens: the token that the stream after each layer would say, if the model ended there. Not what it computes.",
  checks: (_host, _source, { model, checks }) => `${model}. Checked when it was loaded: ${checks}`,
};

/** What a word means, in one sentence. */
export function termSentence(term: Term, context: TermContext): string {
  const { direction } = context;
  return SENTENCES[term](hostOf(direction), sourceOf(direction), context);
}

export function isTerm(name: string | null | undefined): name is Term {
  return typeof name === "string" && Object.hasOwn(SENTENCES, name);
}
