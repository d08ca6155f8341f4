/** A model whose kernel is a recording: the same messages, answered from what was computed before a page was saved. */

import type { MapSweepRequest } from "../model/map";
import { type PatchRequest, patchesKey } from "../model/patch";
import type { Source } from "../model/source";
import { mapAnswer, type Sizes } from "./recorded-maps";
import { bytesOf, RecordedSites, type Singles } from "./recorded-sites";
import type { Handler, WidgetModel } from "./widget-model";

/** A message of the kernel, with its buffers in base64. */
interface Recorded {
  readonly message: Readonly<Record<string, unknown>>;
  readonly buffers: readonly string[];
}

export interface Recording {
  readonly traits: Readonly<Record<string, unknown>>;
  readonly scene: Recorded;
  readonly history: Recorded | null;
  /** The newest last. */
  readonly results: readonly Recorded[];
  /** Whether the last of them is shown. */
  readonly shows_last: boolean;
  /** Every single site of some components; null if there are none. */
  readonly singles: Singles | null;
  /** The lines of Python of each direction and metric, with `exp.patch()` in them. */
  readonly code: Readonly<Record<string, string>>;
}

interface Mark {
  readonly note: string;
  readonly pinned: boolean;
}

const UNMARKED: Mark = { note: "", pinned: false };

type Request = PatchRequest & Partial<Mark> & { readonly kind: string; readonly id: number };

export const NOT_RECORDED = "NotRecordedError";

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function argument(site: string, source: Source = "source"): string {
  if (source === "source") return quoted(site);
  const written =
    typeof source === "string" ? quoted(source) : `pw.sources.from_json(${JSON.stringify(source)})`;
  return `pw.Patch(${quoted(site)}, ${written})`;
}

/** The call that gives what was asked for. */
export function callOf({ patches }: Pick<PatchRequest, "patches">): string {
  const [only] = patches;
  if (only?.site.includes("->")) return `exp.path(${quoted(only.site)})`;
  return `exp.patch(${patches.map(({ site, source }) => argument(site, source)).join(", ")})`;
}

function runKey(of: PatchRequest): string {
  const { patches, direction, pair = "mean", edits = [] } = of;
  const whole = patches.map((patch) => ({ site: patch.site, source: patch.source ?? "source" }));
  return JSON.stringify([patchesKey(whole), direction, pair, edits]);
}

export class RecordedModel implements WidgetModel {
  private readonly handlers = new Map<string, Handler[]>();
  private readonly values: Map<string, unknown>;
  private readonly marks = new Map<string, Mark>();
  private readonly results: ReadonlyMap<string, Recorded>;

  private readonly sites: RecordedSites | undefined;

  constructor(private readonly recording: Recording) {
    const { singles } = recording;
    this.sites = singles === null ? undefined : new RecordedSites(singles);
    this.values = new Map(Object.entries(recording.traits));
    this.results = new Map(
      recording.results.map((each) => [runKey(each.message as unknown as PatchRequest), each]),
    );
  }

  get(name: string): unknown {
    return this.values.get(name);
  }

  set(name: string, value: unknown): void {
    this.values.set(name, value);
  }

  on(event: string, handler: Handler): void {
    this.handlers.set(event, [...(this.handlers.get(event) ?? []), handler]);
  }

  off(event: string, handler: Handler): void {
    this.handlers.set(
      event,
      (this.handlers.get(event) ?? []).filter((each) => each !== handler),
    );
  }

  send(content: unknown): void {
    const request = content as Request;
    this.tell(request.id, { kind: "ack" });
    if (request.kind === "hello") this.greet(request.id);
    else if (request.kind === "patch") this.patched(request);
    else if (request.kind === "sweep") this.swept(content as MapSweepRequest & { id: number });
    else if (request.kind === "code")
      this.tell(request.id, { kind: "code", code: this.codeOf(request) });
    else if (request.kind === "mark") this.mark(request);
    else if (request.kind !== "cancel" && request.kind !== "position" && request.kind !== "picture")
      this.refuse(request, "This page was saved without Python, and this is not in it.");
  }

  private greet(id: number): void {
    const { scene, history, results, shows_last } = this.recording;
    this.tell(id, scene.message);
    if (history !== null) this.tell(id, history.message);
    const last = results.at(-1);
    if (shows_last && last !== undefined) this.tell(id, last.message, last.buffers.map(bytesOf));
  }

  private patched(request: Request): void {
    const { metric, source = "source" } = request;
    const known = this.results.get(runKey(request));
    const found =
      known === undefined
        ? this.sites?.patch(request)
        : { message: known.message, buffers: known.buffers.map(bytesOf) };
    if (found === undefined) {
      const sites = request.patches.map(({ site }) => site).join(" + ");
      const where = `${sites} was not computed before this page was saved`;
      this.refuse(request, `${where}. In Python: ${callOf(request)}`);
    } else {
      this.tell(request.id, { ...found.message, metric, source }, found.buffers);
      const singles = this.sites?.parts(request);
      if (singles !== undefined) this.tell(request.id, { kind: "singles", singles });
    }
  }

  private swept(request: MapSweepRequest & { readonly id: number }): void {
    for (const map of request.maps) {
      const { message, buffers } = mapAnswer(map, request, this.sites, this.sizes());
      this.tell(request.id, message, buffers);
    }
    this.tell(request.id, { kind: "swept", total: 0, seconds: 0 });
  }

  private sizes(): Sizes {
    const { model, task } = this.recording.scene.message as {
      model?: { n_layers?: number; n_heads?: number };
      task?: { clean?: readonly unknown[] };
    };
    const { n_layers: layers = 0, n_heads: heads = 0 } = model ?? {};
    return { layers, heads, positions: task?.clean?.length ?? 0 };
  }

  /** Pins and notes are the reader's own: the page has them until it is closed. */
  private mark({ kind: _, id, ...about }: Request): void {
    const key = runKey(about);
    const marked = { ...UNMARKED, ...this.marks.get(key), ...about };
    this.marks.set(key, { note: marked.note, pinned: marked.pinned });
    this.tell(id, { ...marked, kind: "marked" });
  }

  private codeOf(request: Request): string {
    const lines = this.recording.code[`${request.direction} ${request.metric}`] ?? "exp.patch()";
    return lines.replace("exp.patch()", () => callOf(request));
  }

  private refuse(request: Request, message: string): void {
    const details = request.patches === undefined ? "" : this.codeOf(request);
    this.tell(request.id, { kind: "error", code: NOT_RECORDED, message, details });
  }

  private tell(id: number, message: object, data: readonly DataView[] = []): void {
    for (const handler of this.handlers.get("msg:custom") ?? [])
      handler.call(undefined, { v: 1, ...message, id }, data);
  }
}
