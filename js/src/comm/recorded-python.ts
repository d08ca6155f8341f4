/** The line of Python that computes what a saved page does not have: one for every kind of request. */

import type { Edit } from "../model/edit";
import type { MapRequest } from "../model/map";
import type { Patch, PatchRequest } from "../model/patch";
import type { Source } from "../model/source";
import type { Outgoing } from "./protocol";

type Asked<Kind> = Extract<Outgoing, { readonly kind: Kind }>;

function quoted(text: string): string {
  const safe = text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n");
  return `'${safe.replaceAll("\r", "\\r")}'`;
}

function listOf(texts: readonly string[]): string {
  return `[${texts.map(quoted).join(", ")}]`;
}

function written(source: Source): string {
  return typeof source === "string"
    ? quoted(source)
    : `pw.sources.from_json(${quoted(JSON.stringify(source))})`;
}

/** What a source is at a site: another position of that site itself, or the same everywhere. */
function sourceThere(source: Source): string {
  const { kind, pos, run } = Object(source) as Readonly<Record<string, unknown>>;
  if (kind !== "at" || pos === undefined) return written(source);
  const of = typeof run === "string" ? `, run=${quoted(run)}` : "";
  return `pw.sources.at(site.at(${JSON.stringify(pos)})${of})`;
}

function argument({ site, source = "source" }: Partial<Patch> & Pick<Patch, "site">): string {
  return source === "source" ? quoted(site) : `pw.Patch(${quoted(site)}, ${written(source)})`;
}

/** An answer, or a tuple of its alternatives. */
function answers(text: string): string {
  const each = text.split("|").map(quoted);
  return each.length > 1 ? `(${each.join(", ")})` : each.join("");
}

/** Statements that make the experiment with other prompts. */
function experimentOf({ clean, corrupted, answer, foil, align }: Edit): string {
  const prompts = [quoted(clean), quoted(corrupted), answers(answer)];
  const all = foil === null ? prompts : [...prompts, answers(foil)];
  const task = align ? "task.aligned(pw.propose_alignment(model, task))" : "task";
  return `task = pw.Task(${all.join(", ")}); exp = pw.Experiment(model, ${task})`;
}

/** The call that patches what was asked for. */
export function callOf({ patches, edits }: Pick<PatchRequest, "patches"> & Partial<PatchRequest>) {
  const [edit] = edits ?? [];
  const before = edit === undefined ? "" : `${experimentOf(edit)}; `;
  const [only] = patches;
  if (only?.site.includes("->")) return `${before}exp.path(${quoted(only.site)})`;
  return `${before}exp.patch(${patches.map(argument).join(", ")})`;
}

function pairOf(pair: PatchRequest["pair"] | undefined): string {
  return typeof pair === "number" ? `, pair=${pair}` : "";
}

function headLine({ head, position, pair, ...patched }: Asked<"head">): string {
  const site = quoted(head);
  const parts = [
    `r.pattern(${site}${pairOf(pair)})`,
    `r.written(${site}, ${position}${pairOf(pair)})`,
  ];
  return `r = ${callOf(patched)}; ${parts.join(", ")}`;
}

function sendersLine(head: string, headsPerKey: number): string {
  const [layer = "", index = ""] = head.split(".H");
  const keys = headsPerKey > 1 ? `${layer}.KV${Math.floor(Number(index) / headsPerKey)}` : head;
  return `exp.sweep_paths(${listOf([`${head}.q`, `${keys}.k`, `${keys}.v`])}).top_sites()`;
}

function ablation(source: Source): string {
  return source === "source" ? "" : `, ablation=${written(source)}`;
}

function exportLine({ format, ...patched }: Asked<"export">): string {
  return format === "mermaid"
    ? `${callOf(patched)}.to_mermaid()`
    : `exp.to_html(${["page.html", ...patched.patches.map(({ site }) => site)].map(quoted).join(", ")})`;
}

/** The call that computes a map. */
export function mapLine(map: MapRequest, field = "total", source: Source = "source"): string {
  const { component, over, layer, position } = map;
  const unit = component === "k" || component === "v" ? "kv_head" : "head";
  const all = layer === undefined ? over : ["layer", ...over];
  const names = all.map((axis) => quoted(axis === "head" ? unit : axis)).join(", ");
  const axes = `${quoted(component)}, over=(${names})${layer === undefined ? "" : `, layers=[${layer}]`}`;
  if (field === "direct") return `exp.direct_effects(${axes})`;
  if (field === "estimate") return `exp.estimate(${axes})`;
  if (field !== "total") return `exp.sweep_paths(${quoted(field)})`;
  const at = position === undefined ? "site" : `f'{site}@${position}'`;
  if (source !== "source")
    return `exp.sweep(${axes}, make=lambda site: pw.Patch(${at}, ${sourceThere(source)}))`;
  return position === undefined
    ? `exp.sweep(${axes})`
    : `exp.sweep(${axes}, make=lambda site: ${at})`;
}

/** A line for any request; `headsPerKey`: how many heads of the model share a key. */
export function lineOf(asked: Outgoing, headsPerKey = 1): string {
  switch (asked.kind) {
    case "head":
      return headLine(asked);
    case "senders":
      return sendersLine(asked.head, headsPerKey);
    case "lens": {
      const { method, position, pair } = asked;
      return `${callOf(asked)}.lens(pos=${position}, method=${quoted(method)}${pairOf(pair)})`;
    }
    case "circuit": {
      const sites = listOf(asked.patches.map(({ site }) => site));
      return `exp.evaluate(pw.Circuit(${sites})${ablation(asked.source)})`;
    }
    case "curve":
      return `exp.faithfulness_curve(exp.sweep('z')${ablation(asked.source)})`;
    case "neurons": {
      const layers = asked.layer === null ? "" : `, layers=[${asked.layer}]`;
      return `exp.sweep('neuron', top=${asked.top}${layers})`;
    }
    case "tokens":
      return experimentOf(asked);
    case "export":
      return exportLine(asked);
    case "sweep":
      return asked.maps.map((map) => mapLine(map, asked.field, asked.source)).join(", ");
    case "patch":
    case "code":
    case "mark":
      return callOf(asked);
    default:
      return "exp.explore()";
  }
}
