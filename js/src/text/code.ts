/** The view as Python lines that give the same numbers. */

import type { Patch, PatchRequest } from "../model/patch";

function quoted(text: string): string {
  return JSON.stringify(text);
}

function argument(patch: Patch): string {
  if (patch.source === "source") return quoted(patch.site);
  return `pw.Patch(${quoted(patch.site)}, source=${quoted(patch.source)})`;
}

function call(args: readonly string[]): string {
  const line = `r = exp.patch(${args.join(", ")})`;
  return line.length <= 88 ? line : `r = exp.patch(\n    ${args.join(",\n    ")},\n)`;
}

export function codeOf({ patches, direction, metric }: PatchRequest): string {
  const experiment = `exp = pw.Experiment(model, task, metric=${quoted(metric)}, direction=${quoted(direction)})`;
  const head = ["import patchwidgets as pw", "", experiment];
  if (patches.length === 0) return [...head, "exp.clean.value, exp.corrupted.value"].join("\n");
  return [...head, call(patches.map(argument)), "r.value, r.effect, r.recovery"].join("\n");
}
