/** The line of Python that computes what a saved page does not have: one for every kind of request. */

import type { Edit } from "../model/edit";
import type { Direction } from "../model/experiment";
import type { MapRequest, MapSweepRequest } from "../model/map";
import type { Patch, PatchRequest } from "../model/patch";
import type { Source } from "../model/source";
import type { Outgoing } from "./protocol";

type Asked<Kind> = Extract<Outgoing, { readonly kind: Kind }>;

interface View {
  readonly direction: Direction;
  readonly metric: string;
}

/** The experiment that was saved. */
export interface OwnExperiment extends View {
  /** Each metric as an argument. */
  readonly metrics: Readonly<Record<string, string>>;
}

/** What lines are about: what the names in them are where they are read. */
export interface Around {
  /** All that `exp` may be there. */
  readonly exp: readonly View[];
  readonly metrics: OwnExperiment["metrics"];
  /** How many heads of the model share a key. */
  readonly headsPerKey: number;
}

function quoted(text: string): string {
  const safe = text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n");
  return `'${safe.replaceAll("\r", "\\r")}'`;
}

function listOf(texts: readonly string[]): string {
  return `[${texts.map(quoted).join(", ")}]`;
}

function written(source: Source): string {
  if (JSON.stringify(source) === '{"kind":"zero"}') return "pw.sources.zero()";
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

/** `exp`, turned and measuring as a request asks, wherever it may be another one. */
function experimentFor({ direction, metric }: Partial<View>, { exp, metrics }: Around): string {
  const turned = direction !== undefined && exp.some((each) => each.direction !== direction);
  const measuring = metric !== undefined && exp.some((each) => each.metric !== metric);
  const turn = turned ? `.turned(${quoted(direction)})` : "";
  return `exp${turn}${measuring ? `.measuring(${metrics[metric] ?? quoted(metric)})` : ""}`;
}

/** Statements that make the experiment with other prompts. */
function experimentOf(edit: Edit, { direction, metric }: Partial<View>, around: Around): string {
  const { clean, corrupted, answer, foil, align } = edit;
  const prompts = [quoted(clean), quoted(corrupted), answers(answer)];
  const all = foil === null ? prompts : [...prompts, answers(foil)];
  const measured =
    metric === undefined ? "" : `, metric=${around.metrics[metric] ?? quoted(metric)}`;
  const turned = direction === undefined ? "" : `, direction=${quoted(direction)}`;
  const task = align ? "task.aligned(pw.propose_alignment(model, task))" : "task";
  return `task = pw.Task(${all.join(", ")}); exp = pw.Experiment(model, ${task}${measured}${turned})`;
}

/** The call that patches what was asked for, with the prompts that were asked for. */
function askedCall(
  asked: Pick<PatchRequest, "patches"> & Partial<PatchRequest>,
  around: Around,
): string {
  const [edit] = asked.edits ?? [];
  return edit === undefined
    ? callOf(asked.patches, experimentFor(asked, around))
    : `${experimentOf(edit, asked, around)}; ${callOf(asked.patches)}`;
}

/** The call that patches sites, or follows a path. */
export function callOf(patches: PatchRequest["patches"], exp = "exp"): string {
  const [only] = patches;
  if (only?.site.includes("->")) return `${exp}.path(${quoted(only.site)})`;
  return `${exp}.patch(${patches.map(argument).join(", ")})`;
}

function pairOf(pair: PatchRequest["pair"] | undefined): string {
  return typeof pair === "number" ? `, pair=${pair}` : "";
}

function headLine({ head, position, pair, ...patched }: Asked<"head">, around: Around): string {
  const site = quoted(head);
  const parts = [
    `r.pattern(${site}${pairOf(pair)})`,
    `r.written(${site}, ${position}${pairOf(pair)})`,
  ];
  return `r = ${askedCall(patched, around)}; ${parts.join(", ")}`;
}

function sendersLine(head: string, exp: string, headsPerKey: number): string {
  const [layer = "", index = ""] = head.split(".H");
  const keys = headsPerKey > 1 ? `${layer}.KV${Math.floor(Number(index) / headsPerKey)}` : head;
  return `${exp}.sweep_paths(${listOf([`${head}.q`, `${keys}.k`, `${keys}.v`])}).top_sites()`;
}

function ablation(source: Source): string {
  return source === "source" ? "" : `, ablation=${written(source)}`;
}

function exportLine({ format, ...patched }: Asked<"export">, around: Around): string {
  return format === "mermaid"
    ? `${askedCall(patched, around)}.to_mermaid()`
    : `${experimentFor(patched, around)}.to_html(${["page.html", ...patched.patches.map(({ site }) => site)].map(quoted).join(", ")})`;
}

interface Shown {
  readonly field: string;
  readonly source: Source;
}

/** The call that computes a map. */
function mapLine(map: MapRequest, exp: string, { field, source }: Shown): string {
  const { component, over, layer, position } = map;
  const unit = component === "k" || component === "v" ? "kv_head" : "head";
  const all = layer === undefined ? over : ["layer", ...over];
  const names = all.map((axis) => quoted(axis === "head" ? unit : axis)).join(", ");
  const axes = `${quoted(component)}, over=(${names})${layer === undefined ? "" : `, layers=[${layer}]`}`;
  if (field === "direct") return `${exp}.direct_effects(${axes})`;
  if (field === "estimate") return `${exp}.estimate(${axes})`;
  if (field !== "total") return `${exp}.sweep_paths(${quoted(field)})`;
  const at = position === undefined ? "site" : `f'{site}@${position}'`;
  if (source !== "source")
    return `${exp}.sweep(${axes}, make=lambda site: pw.Patch(${at}, ${sourceThere(source)}))`;
  return position === undefined
    ? `${exp}.sweep(${axes})`
    : `${exp}.sweep(${axes}, make=lambda site: ${at})`;
}

/** The lines that compute maps. */
export function mapLines(
  asked: Omit<MapSweepRequest, "field"> & Partial<MapSweepRequest>,
  around: Around,
): string {
  const { maps, field = "total", source = "source" } = asked;
  const exp = experimentFor(asked, around);
  return maps.map((map) => mapLine(map, exp, { field, source })).join(", ");
}

/** A line for any request. */
export function lineOf(asked: Outgoing, around: Around): string {
  const exp = experimentFor(asked as Partial<View>, around);
  switch (asked.kind) {
    case "head":
      return headLine(asked, around);
    case "senders":
      return sendersLine(asked.head, exp, around.headsPerKey);
    case "lens": {
      const { method, position, pair } = asked;
      return `${askedCall(asked, around)}.lens(pos=${position}, method=${quoted(method)}${pairOf(pair)})`;
    }
    case "circuit": {
      const sites = listOf(asked.patches.map(({ site }) => site));
      return `${exp}.evaluate(pw.Circuit(${sites})${ablation(asked.source)})`;
    }
    case "curve":
      return `${exp}.faithfulness_curve(${exp}.sweep('z')${ablation(asked.source)})`;
    case "neurons": {
      const layers = asked.layer === null ? "" : `, layers=[${asked.layer}]`;
      return `${exp}.sweep('neuron', top=${asked.top}${layers})`;
    }
    case "tokens":
      return experimentOf(asked, {}, around);
    case "export":
      return exportLine(asked, around);
    case "sweep":
      return mapLines(asked, around);
    case "patch":
    case "code":
    case "mark":
      return askedCall(asked, around);
    default:
      return `${exp}.explore()`;
  }
}
