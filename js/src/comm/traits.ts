/** The traits that the kernel writes. The page reads them and never writes them. */

import type { Direction } from "../model/experiment";
import type { Position } from "../model/position";
import { printable } from "../model/printable";
import type { Source } from "../model/source";
import { decodeSource } from "./decode-source";
import type { WidgetModel } from "./widget-model";

type TraitEvent =
  | { readonly type: "selected"; readonly sites: readonly string[] }
  | {
      readonly type: "traits";
      readonly values: {
        readonly position?: Position;
        readonly direction?: Direction;
        readonly metric?: string;
        readonly source?: Source;
        readonly field?: string;
      };
    };

/** What a trait's new value means; undefined where it is not a value of that trait. */
const READERS: Readonly<Record<string, (value: unknown) => TraitEvent | undefined>> = {
  selection: (value) => {
    if (!Array.isArray(value)) return undefined;
    const sites = value.filter((site) => typeof site === "string");
    return { type: "selected", sites: sites.map((site) => printable(site)) };
  },
  position: (position) =>
    Number.isInteger(position) || typeof position === "string"
      ? { type: "traits", values: { position: position as Position } }
      : undefined,
  direction: (direction) =>
    direction === "denoise" || direction === "noise"
      ? { type: "traits", values: { direction } }
      : undefined,
  source: (value) => {
    try {
      return { type: "traits", values: { source: decodeSource(value, "source") } };
    } catch {
      return undefined;
    }
  },
  metric: (metric) =>
    typeof metric === "string" ? { type: "traits", values: { metric } } : undefined,
  field: (field) => (typeof field === "string" ? { type: "traits", values: { field } } : undefined),
};

/** What the page shows from the beginning as the kernel has it. */
const AT_ONCE: readonly string[] = ["position", "field"];

/** Tells every change, and what is there already of what no message tells; returns the removal. */
export function watchTraits(model: WidgetModel, emit: (event: TraitEvent) => void): () => void {
  const watches = Object.entries(READERS).map(([name, read]) => {
    const changed = () => {
      const event = read(model.get(name));
      if (event !== undefined) emit(event);
    };
    model.on(`change:${name}`, changed);
    if (AT_ONCE.includes(name)) changed();
    return () => model.off(`change:${name}`, changed);
  });
  return () => {
    for (const remove of watches) remove();
  };
}
