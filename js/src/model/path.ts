/** Paths such as L20.H0->L23.H3.q: what a component changes through a receiver alone. */

import type { ModelInfo } from "./experiment";
import { parseSite, printSite, type Site, withoutPosition } from "./site";

export interface Path {
  readonly sender: string;
  /** One or more, in the order of the layers. */
  readonly receivers: readonly string[];
}

/** What heads share their keys, and whether attention and MLP of a layer read the same stream. */
export type Wiring = Pick<ModelInfo, "n_heads" | "n_kv_heads" | "parallel">;

const ARROW = /\s*(?:->|→)\s*/;

/** The parts of a path; undefined for anything else. The kernel says what is wrong with one. */
export function parsePath(text: string): Path | undefined {
  const [sender = "", ...receivers] = text.trim().split(ARROW);
  const whole = receivers.length > 0 && [sender, ...receivers].every((part) => part !== "");
  return whole ? { sender, receivers } : undefined;
}

export function printPath({ sender, receivers }: Path): string {
  return [sender, ...receivers].join("->");
}

/** The first component that is changed: the sender of a path, or the site itself. */
export function senderOf(text: string): string {
  return parsePath(text)?.sender ?? text;
}

/** Components that write into the residual stream themselves. */
export function sends(text: string): boolean {
  const site = parseSite(text);
  return site !== undefined && SENDERS.includes(site.component);
}

const SENDERS: readonly string[] = ["embed", "z", "attn_out", "mlp_out", "neuron", "mlp_post"];

const ATTENTION: readonly string[] = ["z", "attn_out", "q", "k", "v"];

/** What of a cell reads the residual stream: of a head its query, key and value; of an MLP what goes into it. */
export function receiversAt(text: string, model: Wiring): readonly string[] {
  const site = parseSite(text);
  if (site === undefined) return [];
  const { layer, unit, component } = site;
  if (component === "mlp_out" || component === "neuron") return [`L${layer}.mlp_in`];
  if (!unit?.startsWith("H")) return [];
  const head = Number(unit.slice(1));
  const shared = keyValueUnit(head, model);
  return [`L${layer}.${unit}.q`, `L${layer}.${shared}.k`, `L${layer}.${shared}.v`];
}

/** What a head's key and value are called: of several heads that share them, KV1. */
function keyValueUnit(head: number, model: Wiring): string {
  const shared = Math.max(1, Math.round(model.n_heads / Math.max(1, model.n_kv_heads)));
  return shared === 1 ? `H${head}` : `KV${Math.floor(head / shared)}`;
}

/** The heads that read a key or a value. */
export function headsOfUnit(unit: string, model: Wiring): readonly number[] {
  const index = Number(unit.replace(/\D+/, ""));
  if (unit.startsWith("H")) return [index];
  const shared = Math.max(1, Math.round(model.n_heads / Math.max(1, model.n_kv_heads)));
  return Array.from({ length: shared }, (_, i) => index * shared + i);
}

function isLogits(receiver: string): boolean {
  return withoutPosition(receiver) === "logits" || /^logits(@|$)/.test(receiver);
}

function readsAfter(before: Site, after: Site, parallel: boolean): boolean {
  if (before.layer === undefined) return true;
  if (after.layer === undefined) return false;
  if (after.component === "mlp_in" && ATTENTION.includes(before.component) && !parallel)
    return before.layer <= after.layer;
  return before.layer < after.layer;
}

/** Whether a receiver reads the stream after a sender, or an earlier receiver, has written into it. */
export function comesAfter(sender: string, receiver: string, parallel: boolean): boolean {
  if (isLogits(sender)) return false;
  if (isLogits(receiver)) return true;
  const [before, after] = [parseSite(sender), parseSite(receiver)];
  return before !== undefined && after !== undefined && readsAfter(before, after, parallel);
}

/** The site whose total effect a path is part of: that of the last receiver, or for the logits of the sender. */
export function wholeSite({ sender, receivers }: Path): string {
  const last = receivers.at(-1) ?? "logits";
  const site = isLogits(last) ? undefined : parseSite(last);
  if (site === undefined) return sender;
  if (site.component === "mlp_in") return `L${site.layer}.mlp_out`;
  const whole = site.unit?.startsWith("KV") ? site.component : "z";
  return printSite({ ...site, component: whole, position: undefined });
}
