/** A model whose kernel is a recording: the same messages, answered from what was computed before a page was saved. */

import type { MapSweepRequest } from "../model/map";
import { type PatchRequest, patchesKey } from "../model/patch";
import type { Outgoing } from "./protocol";
import { mapAnswer, type Sizes } from "./recorded-maps";
import { type Around, callOf, lineOf } from "./recorded-python";
import { type Answer, RecordedSites } from "./recorded-sites";
import { notComputed } from "./recorded-words";
import { thatChange } from "./recorded-zeros";
import type { Recorded, Recording } from "./recording";
import type { Handler, WidgetModel } from "./widget-model";

interface Mark {
  readonly note: string;
  readonly pinned: boolean;
}

interface Shown {
  readonly model: Partial<
    Readonly<Record<"n_layers" | "n_heads" | "n_kv_heads", number>> &
      Readonly<Record<"pairs", number>>
  >;
  readonly task: {
    readonly clean?: readonly unknown[];
    readonly positions?: Readonly<Record<string, number>>;
    readonly places?: readonly string[];
    readonly n_pairs?: number;
  };
}

const UNMARKED: Mark = { note: "", pinned: false };
/** What a page does not have to be told. */
const ONLY_KEPT = ["cancel", "position", "picture"];

type Request = PatchRequest & Partial<Mark> & { readonly kind: string; readonly id: number };

export const NOT_RECORDED = "NotRecordedError";

function otherWay(request: Request): Request {
  return { ...request, direction: request.direction === "denoise" ? "noise" : "denoise" };
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
  private readonly scene: Shown;
  /** What `exp` is in the lines below the page. */
  private shown: Pick<PatchRequest, "direction" | "metric">;
  readonly saved = true;

  /** `follow` gets the lines of Python of what is shown, when another one is; `quiz`: there are questions about it. */
  constructor(
    private readonly recording: Recording,
    private readonly follow: (code: string) => void = () => {},
    readonly quiz = false,
  ) {
    const { singles, blobs, scene, results, traits } = recording;
    this.sites = singles === null ? undefined : new RecordedSites(singles, blobs);
    const { model = {}, task = {} } = scene as Partial<Shown>;
    this.scene = { model, task };
    this.values = new Map(Object.entries(traits));
    const { direction, metric } = { ...recording.experiment, ...scene };
    this.shown = { direction, metric };
    this.results = new Map(
      results.map((each) => [runKey(each.message as unknown as PatchRequest), each]),
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
      this.tell(request.id, { kind: "code", code: this.codeOf(request, callOf(request.patches)) });
    else if (request.kind === "mark") this.mark(request);
    else if (!ONLY_KEPT.includes(request.kind)) this.refuse(request, "This was");
  }

  private greet(id: number): void {
    const { scene, history, results, last } = this.recording;
    this.tell(id, scene);
    if (history !== null) this.tell(id, history);
    const shown = last === null ? undefined : results[last];
    if (shown !== undefined) this.tell(id, shown.message, this.blobsOf(shown));
  }

  private blobsOf({ buffers }: Recorded): DataView[] {
    return buffers.flatMap((number) => this.recording.blobs[number] ?? []);
  }

  /** Whether the page has the answer. */
  knows(request: PatchRequest): boolean {
    return this.found(request, this.placedIn(request)) !== undefined;
  }

  private placedIn<Asked extends PatchRequest>(request: Asked): Asked {
    return { ...request, patches: request.patches.map((each) => this.placed(each)) };
  }

  private found(request: PatchRequest, placed: PatchRequest): Answer | undefined {
    const known = this.results.get(runKey(request)) ?? this.results.get(runKey(placed));
    return known === undefined
      ? (this.sites?.patch(placed) ?? this.certain(placed))
      : { message: known.message, buffers: this.blobsOf(known) };
  }

  /** What is known of a patch that was not computed, since all or some of it certainly changes nothing. */
  private certain(placed: PatchRequest): Answer | undefined {
    const { sites } = this;
    if (sites === undefined) return undefined;
    const zero = (site: string) => sites.zeroAt(site, placed.pair);
    const patches = thatChange(placed, zero);
    const fewer = { ...placed, patches };
    if (patches.length < placed.patches.length) return this.found(fewer, fewer);
    const unread = patches.every(
      ({ site, source = "source" }) => source === "source" && zero(site),
    );
    const host = this.results.get(runKey({ ...placed, patches: [] }));
    if (!unread || host === undefined || patches.length === 0) return undefined;
    // No metric reads what it changes; later tokens and boxes, nobody has looked at.
    const { reach: _, buffers: __, ...message } = host.message;
    const patched = { ...Object(message.patched), top: [] };
    return { message: { ...message, patched, tokens: [] }, buffers: [] };
  }

  private patched(request: Request): void {
    const { metric, patches, source = "source" } = request;
    const placed = this.placedIn(request);
    const found = this.found(request, placed);
    if (found === undefined) {
      this.refuse(request, notComputed(request, this.knows(otherWay(request))));
    } else {
      this.shown = request;
      this.follow(this.codeOf(request, callOf(patches)));
      this.tell(request.id, { ...found.message, patches, metric, source }, found.buffers);
      const singles = this.sites?.parts(placed);
      if (singles !== undefined) this.tell(request.id, { kind: "singles", singles });
    }
  }

  /** A patch with its position as the index that it stands for. */
  private placed(patch: PatchRequest["patches"][number]) {
    const [where = "", name = ""] = patch.site.split("@");
    const { clean = [], positions = {}, places } = this.scene.task;
    if (name === "" || places !== undefined) return patch;
    const index = Number(name) < 0 ? clean.length + Number(name) : positions[name];
    return index === undefined ? patch : { ...patch, site: `${where}@${index}` };
  }

  private swept(request: MapSweepRequest & { readonly id: number }): void {
    const place = (site: string) => this.placed({ site, source: "source" }).site;
    for (const map of request.maps) {
      const of = { recorded: this.sites, place, sizes: this.sizes() };
      const { message, buffers } = mapAnswer(map, request, of, this.around());
      this.tell(request.id, message, buffers);
    }
    this.tell(request.id, { kind: "swept", total: 0, seconds: 0 });
  }

  private sizes(): Sizes {
    const { model, task } = this.scene;
    const { n_layers: layers = 0, n_heads: heads = 0 } = model;
    return { layers, heads, positions: task.clean?.length ?? 0 };
  }

  /** Pins and notes are the reader's own: the page has them until it is closed. */
  private mark({ kind: _, id, ...about }: Request): void {
    const key = runKey(about);
    const marked = { ...UNMARKED, ...this.marks.get(key), ...about };
    this.marks.set(key, { note: marked.note, pinned: marked.pinned });
    this.tell(id, { ...marked, kind: "marked" });
  }

  /** The lines that make the experiment, and this one. */
  private codeOf({ direction, metric, pair }: Partial<Request>, line: string): string {
    const lines = this.recording.code[`${direction} ${metric}`];
    if (lines === undefined) return line;
    const several = (this.scene.task.n_pairs ?? 1) > 1;
    const numbers =
      several && typeof pair === "number"
        ? lines.replace(/\br\.(\w+)(?=,|$)/g, `r.per_pair.$1[${pair}]`)
        : lines;
    return numbers.replace("exp.patch()", () => line);
  }

  /** `exp` is the experiment that was saved, or the one in the lines below the page. */
  private around(): Around {
    const { n_heads = 1, n_kv_heads = n_heads } = this.scene.model;
    const { experiment } = this.recording;
    const { metrics } = experiment;
    return { exp: [experiment, this.shown], metrics, headsPerKey: n_heads / n_kv_heads };
  }

  /** Say that something was not computed, and the line of Python that would. */
  private refuse(request: Request, what: string): void {
    const asked = request as unknown as Outgoing;
    const line = lineOf(asked, this.around());
    // Its own lines make `exp` as it is asked for.
    const details = this.detailsOf(request, lineOf(asked, { ...this.around(), exp: [] }));
    const message = `${what} not computed before this page was saved. In Python: ${line}`;
    this.tell(request.id, { kind: "error", code: NOT_RECORDED, message, details });
  }

  /** The lines that make the experiment, then the one that was asked for; it makes its own with other prompts. */
  private detailsOf(request: Partial<Request>, line: string): string {
    if (line.startsWith("task = ")) return line;
    if (request.kind === "patch") return this.codeOf(request, line);
    const [before = ""] = this.codeOf(request, "exp.patch()").split("r = exp.patch()");
    return before === "exp.patch()" ? line : `${before}${line}`;
  }

  private tell(id: number, message: object, data: readonly DataView[] = []): void {
    for (const handler of this.handlers.get("msg:custom") ?? [])
      handler.call(undefined, { v: 1, ...message, id }, data);
  }
}
