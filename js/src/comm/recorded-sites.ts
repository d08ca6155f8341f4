/** Single sites that were computed before a page was saved: as the kernel's messages about a patch, and about maps. */

import type { Direction, ShownPair } from "../model/experiment";
import type { PatchRequest } from "../model/patch";
import { type Ends, overPairs, type Reading, readingOf, unchanged } from "./recorded-readings";
import { type CertainZero, type Zero, zeroAt } from "./recorded-zeros";

/** A token's number, its logit and its probability. */
type Score = readonly [number, number, number];

/** What is known of the sites in one direction, of one pair or of the mean of several. */
interface OfView {
  readonly position: number;
  /** A blob of float64: one row of metrics for each site. */
  readonly values: number;
  /** A blob of numbers of steps: along, then size, each for all cells of all sites. */
  readonly reach: number;
  /** Of each site the next tokens, and those that are compared. */
  readonly scores: readonly (readonly [readonly Score[], readonly Score[]])[];
}

interface Interval {
  /** A blob of float64: the lower bounds of mean recovery of all sites, then the upper ones. */
  readonly bounds: number;
  readonly no_interval: string | null;
}

interface OfDirection {
  readonly sites: readonly string[];
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** In the order of `Singles.views`. */
  readonly views: readonly OfView[];
  /** By metric; null unless every pair of a dataset is there. */
  readonly intervals: Readonly<Record<string, Interval>> | null;
}

interface View {
  readonly pair: ShownPair;
  readonly ends: Readonly<Record<string, Ends>>;
  /** Logit and probability of each token in the clean run, then in the corrupted one. */
  readonly unpatched: readonly (readonly [number, number, number, number])[];
  readonly zero: CertainZero;
  /** Prompts and runs of a dataset's pair. */
  readonly words: Readonly<Record<string, unknown>>;
}

export interface Singles {
  /** What a reach is rounded to. */
  readonly steps: readonly number[];
  readonly metrics: readonly string[];
  readonly tokens: readonly string[];
  readonly views: readonly View[];
  readonly directions: Readonly<Record<Direction, OfDirection>>;
}

export interface Answer {
  readonly message: Readonly<Record<string, unknown>>;
  readonly buffers: readonly DataView[];
}

type Asked = Pick<PatchRequest, "direction"> & Partial<Pick<PatchRequest, "pair" | "edits">>;

const FLOAT64 = 8;

function cosine(along: number, size: number): number {
  return size > 0 ? Math.max(-1, Math.min(1, along / size)) : Number.NaN;
}

function float32(values: readonly number[]): DataView {
  return new DataView(Float32Array.from(values).buffer);
}

export class RecordedSites {
  private readonly rows: Readonly<Record<Direction, ReadonlyMap<string, number>>>;

  constructor(
    private readonly all: Singles,
    private readonly blobs: readonly DataView[],
  ) {
    const numbered = (sites: readonly string[]) => new Map(sites.map((site, i) => [site, i]));
    const { denoise, noise } = all.directions;
    this.rows = { denoise: numbered(denoise.sites), noise: numbered(noise.sites) };
  }

  /** Whether a pair was recorded. */
  hasPair(pair: ShownPair): boolean {
    return this.viewOf(pair) !== undefined;
  }

  /** What a patch of one site does; undefined if it was not computed. */
  patch(request: PatchRequest): Answer | undefined {
    const [only, ...others] = request.patches;
    if (only === undefined || others.length > 0) return undefined;
    const [row, view] = [this.rowOf(request, only), this.viewOf(request.pair ?? "mean")];
    return row === undefined || view === undefined ? undefined : this.answer(row, view, request);
  }

  /** Each patch of a joint one alone; undefined unless all were computed. */
  parts(request: PatchRequest): readonly object[] | undefined {
    const view = this.viewOf(request.pair ?? "mean");
    const rows = request.patches.map((patch) => this.rowOf(request, patch));
    const known = rows.filter((row) => row !== undefined);
    if (view === undefined || known.length < rows.length || rows.length < 2) return undefined;
    return known.map((row, i) => ({
      site: request.patches[i]?.site,
      readings: this.readings(request.direction, row, view),
    }));
  }

  /** One metric of a site. */
  reading(site: string, metric: string, { direction, pair = "mean" }: Asked): Reading | undefined {
    const [row, view] = [this.rows[direction].get(site), this.viewOf(pair)];
    if (view === undefined) return undefined;
    if (row !== undefined) return this.readingOf(direction, row, view, metric);
    const certain = zeroAt(site, this.all.views[view]?.zero) !== undefined;
    return certain ? unchanged(this.all.views[view]?.ends[metric], direction) : undefined;
  }

  /** Why a copy at one position certainly changes nothing; undefined if it may. */
  zeroAt(site: string, pair: ShownPair = "mean"): Zero | undefined {
    return zeroAt(site, this.all.views[this.viewOf(pair) ?? -1]?.zero);
  }

  private viewOf(pair: ShownPair): number | undefined {
    const found = this.all.views.findIndex((each) => each.pair === pair);
    return found < 0 ? undefined : found;
  }

  private rowOf({ direction, edits = [] }: Asked, patch: PatchRequest["patches"][number]) {
    const plain = (patch.source ?? "source") === "source" && edits.length === 0;
    return plain ? this.rows[direction].get(patch.site) : undefined;
  }

  private readingOf(direction: Direction, row: number, view: number, metric: string): Reading {
    const { metrics, views } = this.all;
    const blob = this.blobs[this.all.directions[direction].views[view]?.values ?? -1];
    const at = FLOAT64 * (row * metrics.length + metrics.indexOf(metric));
    return readingOf(
      blob?.getFloat64(at, true) ?? Number.NaN,
      views[view]?.ends[metric],
      direction,
    );
  }

  private readings(direction: Direction, row: number, view: number) {
    return Object.fromEntries(
      this.all.metrics.map((name) => [name, this.readingOf(direction, row, view, name)]),
    );
  }

  private answer(row: number, view: number, request: PatchRequest): Answer {
    const of = this.all.directions[request.direction].views[view];
    const { direction, metric, patches, pair = "mean" } = request;
    const readings = this.readings(direction, row, view);
    const values = Object.entries(readings).map(([name, { value }]) => [name, value]);
    const [top, compared] = of?.scores[row] ?? [[], []];
    const { buffers, data } = this.reach(direction, row, of);
    const message = {
      ...{ kind: "result", patches, direction, metric, pair, readings },
      patched: {
        values: Object.fromEntries(values),
        top: top.map((score) => this.scored(score)),
      },
      tokens: compared.map((score) => this.compared(score, view)),
      reach: { position: of?.position },
      buffers,
      seconds: 0,
      ...this.all.views[view]?.words,
      ...this.overPairs(direction, row),
    };
    return { message, buffers: data };
  }

  private scored([token, logit, prob]: Score) {
    return { token: this.all.tokens[token], logit, prob };
  }

  private compared(score: Score, view: number) {
    const { token, ...patched } = this.scored(score);
    const [a = 0, b = 0, c = 0, d = 0] = this.all.views[view]?.unpatched[score[0]] ?? [];
    return { token, clean: { logit: a, prob: b }, patched, corrupted: { logit: c, prob: d } };
  }

  /** The numbers of every pair, where all of them were recorded. */
  private overPairs(direction: Direction, row: number) {
    const { intervals, sites } = this.all.directions[direction];
    if (intervals === null) return {};
    const [mean, ...pairs] = this.all.views.map((_, view) => this.readings(direction, row, view));
    const over = Object.entries(intervals).map(([metric, { bounds, no_interval }]) => {
      const bound = (end: number) =>
        this.blobs[bounds]?.getFloat64(FLOAT64 * (end * sites.length + row), true) ?? Number.NaN;
      const each = pairs.map((readings) => readings[metric]);
      return [metric, overPairs(mean?.[metric], each, [bound(0), bound(1)], no_interval)];
    });
    return { over_pairs: Object.fromEntries(over) };
  }

  /** The movement of every cell; the cosine is what along is of size. */
  private reach(direction: Direction, row: number, of: OfView | undefined) {
    const { shapes, sites } = this.all.directions[direction];
    const sized = Object.entries(shapes).map(
      ([name, shape]) => [name, shape, shape.reduce((a, b) => a * b, 1)] as const,
    );
    const cells = sized.reduce((sum, [, , size]) => sum + size, 0);
    const buffers: object[] = [];
    const data: DataView[] = [];
    let start = 0;
    for (const [name, shape, n] of sized) {
      const steps = (first: number) =>
        Array.from({ length: n }, (_, k) => this.step(of, first * cells + start + k));
      const [along, size] = [steps(row), steps(sites.length + row)];
      const cos = along.map((x, k) => cosine(x, size[k] ?? 0));
      for (const [quantity, values] of Object.entries({ along, size, cos })) {
        buffers.push({ name: `${name}.${quantity}`, dtype: "float32", shape });
        data.push(float32(values));
      }
      start += n;
    }
    return { buffers, data };
  }

  private step(of: OfView | undefined, at: number): number {
    const number = this.blobs[of?.reach ?? -1]?.getUint8(at);
    return number === undefined ? Number.NaN : (this.all.steps[number] ?? Number.NaN);
  }
}
