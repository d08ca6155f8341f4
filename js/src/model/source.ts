/** What is put into a host: a run, or a source as data (`pw.sources`), which is sent back to the kernel as it came. */

import { parseSite, printSite } from "./site";

/** "source" is the run that the direction takes values from. */
export type RunName = "source" | "clean" | "corrupted" | "host";

export const RUN_NAMES: readonly RunName[] = ["source", "clean", "corrupted", "host"];

/** The queries of a pattern no longer see these keys. */
export interface Cut {
  readonly kind: "cut";
  readonly keys: readonly (number | string)[];
}

export type MadeKind = "zero" | "mean" | "resample" | "noise" | "steer" | "at";

export const MADE_KINDS: readonly MadeKind[] = ["zero", "mean", "resample", "noise", "steer", "at"];

/** A source with values of its own. Other fields than these stay as the kernel wrote them. */
export interface Made {
  readonly kind: MadeKind;
  /** How many draws. */
  readonly n?: number;
  /** How much of clean − corrupted is added. */
  readonly alpha?: number;
  /** Over what a mean is taken; null means prompts and positions. */
  readonly per?: string | null;
  /** Of another site: where it is; as a choice for every site, only its position. */
  readonly site?: string;
  readonly pos?: number | string;
  readonly run?: RunName;
}

export type Source = RunName | Cut | Made;

/** A source that a page offers, and what speaks against it. */
export interface Offered {
  readonly source: Made;
  readonly reason: string | null;
}

export function isMade(source: Source): source is Made {
  return typeof source === "object" && source.kind !== "cut";
}

/** Whether a source takes information away and brings none of the other run: it wears grey. */
export function isAblation(source: Source): boolean {
  return isMade(source) && source.kind !== "steer" && source.kind !== "at";
}

/** Whether a source can be put into the boxes: noise goes onto the embedding of tokens. */
export function fitsBoxes(source: Source): boolean {
  return !(isMade(source) && source.kind === "noise");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, field]) => [name, sorted(field)]));
}

/** The same for the same source. */
export function sourceKey(source: Source): string {
  return typeof source === "string" ? source : JSON.stringify(sorted(source));
}

/** What a chosen source is at one site: another position is one of this very site. */
export function sourceAt(source: Source, text: string): Source {
  if (!isMade(source) || source.kind !== "at" || source.pos === undefined) return source;
  const site = parseSite(text);
  const { pos, ...rest } = source;
  return site === undefined
    ? source
    : { ...rest, site: printSite({ ...site, position: `${pos}` }) };
}

/** The choice that a patch's own source comes from. */
export function choiceOf(source: Source): Source {
  if (!isMade(source) || source.kind !== "at" || source.site === undefined) return source;
  const { site, ...rest } = source;
  const position = parseSite(site)?.position;
  if (position === undefined) return source;
  return { ...rest, pos: /^-?\d+$/.test(position) ? Number(position) : position };
}
