/** Paths in words: "L20.H0 → L23.H3 through its queries". */

import type { Direction } from "../model/experiment";
import { type Path, wholeSite } from "../model/path";
import { isolated } from "../model/printable";
import { parseSite, printSite } from "../model/site";

export const NO_PATH = "Click what sends, then what receives it: only that path is patched.";

const PARTS: Readonly<Record<string, string>> = { q: "queries", k: "keys", v: "values" };

/** "q", "k", "v", "mlp_in" or "logits". */
export function receiverName(receiver: string): string {
  return parseSite(receiver)?.component ?? "logits";
}

/** The head, the MLP or the logits that a receiver belongs to. */
function receiverOwner(receiver: string): string {
  const site = parseSite(receiver);
  if (site === undefined) return "logits";
  if (site.component === "mlp_in") return `L${site.layer}'s MLP`;
  const { unit, layer } = site;
  return isolated(
    unit?.startsWith("H") ? printSite({ ...site, component: "z" }) : `L${layer}.${unit ?? ""}`,
  );
}

/** "queries", "keys", "values"; undefined for an MLP and the logits. */
export function receiverPart(receiver: string): string | undefined {
  return PARTS[receiverName(receiver)];
}

/** "L23.H3 through its queries", "L24's MLP", "logits". */
export function through(receiver: string): string {
  const part = receiverPart(receiver);
  return part === undefined
    ? receiverOwner(receiver)
    : `${receiverOwner(receiver)} through its ${part}`;
}

/** "L23.H3: q", as in the menus of maps. */
export function partInMenu(receiver: string): string {
  const part = receiverPart(receiver) && receiverName(receiver);
  return part === undefined ? receiverOwner(receiver) : `${receiverOwner(receiver)}: ${part}`;
}

/** "L23.H3's queries". */
export function partOf(receiver: string): string {
  const part = receiverPart(receiver);
  return part === undefined ? receiverOwner(receiver) : `${receiverOwner(receiver)}'s ${part}`;
}

/** "L20.H0 → L23.H3.q". */
export function pathName({ sender, receivers }: Path): string {
  return [sender, ...receivers].map(isolated).join(" → ");
}

/** "L20.H0 → L23.H3 through its queries carries −0.39 of +6.77." */
export function pathSentence(path: Path, effect: string, whole: string | undefined): string {
  const name = [isolated(path.sender), ...path.receivers.map(through)].join(" → ");
  return `${name} carries ${effect}${whole === undefined ? "" : ` of ${whole}`}.`;
}

/** What was done and what its number means, in three parts; the middle one is stressed. */
export function pathCaption(
  path: Path,
  direction: Direction,
  whole: string | undefined,
): readonly [string, string, string] {
  const denoise = direction === "denoise";
  const sees = `Only ${seenBy(path)} ${isolated(path.sender)}'s ${denoise ? "clean" : "corrupted"} value`;
  const total = whole === undefined ? "" : ` All of ${isolated(wholeSite(path))}: ${whole}.`;
  return denoise
    ? [`${sees}; a high number means it is `, "enough", ` here, not needed.${total}`]
    : [`${sees}; a large drop means it is `, "needed", ` here, not enough.${total}`];
}

/** "L23.H3's queries see", "L24's MLP sees", "the logits see". */
function seenBy({ receivers }: Path): string {
  const [first = "logits"] = receivers;
  if (receiverName(first) === "logits") return "the logits see";
  return `${partOf(first)} ${receiverPart(first) === undefined ? "sees" : "see"}`;
}

export function sendsNothing(site: string): string {
  return `${isolated(site)} sends nothing itself: choose a head, attn_out or an MLP.`;
}

export function receivesNothing(site: string): string {
  return `${isolated(site)} receives nothing: choose a head, an MLP, or the logits.`;
}

export function refusedStep(before: string, receiver: string, parallel: boolean): string {
  const [a, b] = [parseSite(before), parseSite(receiver)];
  const from = isolated(before === "logits" ? "the logits" : before);
  if (before === "logits") return "Nothing comes after the logits.";
  if (parallel && b?.component === "mlp_in" && a?.layer === b.layer)
    return `No path from ${from} to ${receiverOwner(receiver)}: attention and MLP run in parallel. Choose an MLP of a later layer.`;
  return `${receiverOwner(receiver)} reads the stream before ${from} has written into it. Choose a later one.`;
}
