/** Single sites that were computed before a page was saved: as the kernel's messages about a patch, and about maps. */

import type { Direction, ShownPair } from "../model/experiment";
import type { PatchRequest } from "../model/patch";

interface OfDirection {
  readonly sites: readonly string[];
  /** float64, one row of metrics for each site, in base64. */
  readonly values: string;
  readonly order: readonly string[];
  /** Numbers of steps: along, then size, each for all cells of all sites; in base64. */
  readonly reach: string;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly position: number;
  readonly scores: readonly (readonly [readonly Score[], readonly Score[]])[];
}

/** A token's number, its logit and its probability. */
type Score = readonly [number, number, number];

interface Ends {
  readonly clean: number;
  readonly corrupted: number;
  readonly noise_floor: number;
  readonly reason: string | null;
}

export interface Singles {
  readonly pair: ShownPair;
  readonly steps: readonly number[];
  readonly metrics: Readonly<Record<string, Ends>>;
  readonly tokens: readonly string[];
  readonly unpatched: Readonly<Record<string, readonly [number, number, number, number]>>;
  readonly directions: Readonly<Record<Direction, OfDirection>>;
}

interface Reading {
  readonly value: number | null;
  readonly effect: number | null;
  readonly share: number | null;
  readonly recovery: number | null;
  readonly reason: string | null;
}

export interface Answer {
  readonly message: Readonly<Record<string, unknown>>;
  readonly buffers: readonly DataView[];
}

export function bytesOf(base64: string): DataView {
  const data = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new DataView(data.buffer);
}

function fraction(change: number, distance: number, floor: number): number | null {
  return Math.abs(distance) > floor ? change / distance : null;
}

function arrays(named: Readonly<Record<string, readonly number[]>>, shapes: readonly number[][]) {
  const entries = Object.entries(named);
  const buffers = entries.map(([name], i) => ({ name, dtype: "float32", shape: shapes[i] }));
  const data = entries.map(([, values]) => new DataView(Float32Array.from(values).buffer));
  return { buffers, data };
}

class DirectionSites {
  private readonly rows: ReadonlyMap<string, number>;
  private readonly values: DataView;
  private readonly reach: DataView;

  constructor(
    private readonly all: Singles,
    private readonly direction: Direction,
    private readonly of: OfDirection,
  ) {
    this.rows = new Map(of.sites.map((site, i) => [site, i]));
    this.values = bytesOf(of.values);
    this.reach = bytesOf(of.reach);
  }

  row(site: string): number | undefined {
    return this.rows.get(site);
  }

  /** One metric of one site. */
  reading(row: number, metric: string): Reading {
    const ends = this.all.metrics[metric];
    const column = this.of.order.indexOf(metric);
    const value = this.values.getFloat64(8 * (row * this.of.order.length + column), true);
    if (ends === undefined || Number.isNaN(value))
      return { value: null, effect: null, share: null, recovery: null, reason: null };
    const { clean, corrupted, noise_floor, reason } = ends;
    const [host, source] = this.direction === "denoise" ? [corrupted, clean] : [clean, corrupted];
    const effect = value - host;
    const share = fraction(effect, source - host, noise_floor);
    const recovery = fraction(value - corrupted, clean - corrupted, noise_floor);
    return { value, effect, share, recovery, reason };
  }

  readings(row: number): Readonly<Record<string, Reading>> {
    return Object.fromEntries(this.of.order.map((name) => [name, this.reading(row, name)]));
  }

  answer(row: number, request: PatchRequest): Answer {
    const readings = this.readings(row);
    const values = Object.fromEntries(this.of.order.map((name) => [name, readings[name]?.value]));
    const [top, compared] = this.of.scores[row] ?? [[], []];
    const { buffers, data } = this.reachOf(row);
    const message = {
      kind: "result",
      patches: request.patches,
      direction: request.direction,
      metric: request.metric,
      pair: request.pair,
      readings,
      patched: { values, top: top.map((score) => this.scored(score)) },
      tokens: compared.map((score) => this.compared(score)),
      reach: { position: this.of.position },
      buffers,
      seconds: 0,
    };
    return { message, buffers: data };
  }

  private scored([token, logit, prob]: Score) {
    return { token: this.all.tokens[token], logit, prob };
  }

  private compared(score: Score) {
    const { token, ...patched } = this.scored(score);
    const [a = 0, b = 0, c = 0, d = 0] = this.all.unpatched[score[0]] ?? [];
    return { token, clean: { logit: a, prob: b }, patched, corrupted: { logit: c, prob: d } };
  }

  /** Of a site the movement of every cell; the cosine is what along is of size. */
  private reachOf(row: number) {
    const shapes = Object.entries(this.of.shapes);
    const sizes = shapes.map(([, shape]) => shape.reduce((a, b) => a * b, 1));
    const cells = sizes.reduce((a, b) => a + b, 0);
    const named: Record<string, number[]> = {};
    const found: number[][] = [];
    let start = 0;
    shapes.forEach(([name, shape], i) => {
      const indices = Array.from({ length: sizes[i] ?? 0 }, (_, k) => start + k);
      const along = indices.map((k) => this.step(row * cells + k));
      const size = indices.map((k) => this.step((this.of.sites.length + row) * cells + k));
      named[`${name}.along`] = along;
      named[`${name}.size`] = size;
      named[`${name}.cos`] = along.map((x, k) => cosine(x, size[k] ?? 0));
      found.push([...shape], [...shape], [...shape]);
      start += indices.length;
    });
    return arrays(named, found);
  }

  private step(at: number): number {
    return this.all.steps[this.reach.getUint8(at)] ?? Number.NaN;
  }
}

function cosine(along: number, size: number): number {
  return size > 0 ? Math.max(-1, Math.min(1, along / size)) : Number.NaN;
}

export class RecordedSites {
  readonly pair: ShownPair;
  private readonly directions: Readonly<Record<Direction, DirectionSites>>;

  constructor(singles: Singles) {
    const { denoise, noise } = singles.directions;
    this.pair = singles.pair;
    this.directions = {
      denoise: new DirectionSites(singles, "denoise", denoise),
      noise: new DirectionSites(singles, "noise", noise),
    };
  }

  /** What a patch of one site does; undefined if it was not computed. */
  patch(request: PatchRequest): Answer | undefined {
    const [only, ...others] = request.patches;
    if (only === undefined || others.length > 0) return undefined;
    const row = this.rowOf(request, only);
    return row === undefined ? undefined : this.directions[request.direction].answer(row, request);
  }

  /** Each patch of a joint one alone; undefined unless all were computed. */
  parts(request: PatchRequest): readonly object[] | undefined {
    const of = this.directions[request.direction];
    const rows = request.patches.map((patch) => this.rowOf(request, patch));
    const known = rows.filter((row) => row !== undefined);
    if (known.length < rows.length || rows.length < 2) return undefined;
    return known.map((row, i) => ({
      site: request.patches[i]?.site,
      readings: of.readings(row),
    }));
  }

  /** One metric of a site. */
  reading(site: string, direction: Direction, metric: string): Reading | undefined {
    const of = this.directions[direction];
    const row = of.row(site);
    return row === undefined ? undefined : of.reading(row, metric);
  }

  private rowOf(request: PatchRequest, patch: PatchRequest["patches"][number]) {
    const { pair = "mean", edits = [], direction } = request;
    if (pair !== this.pair || edits.length > 0) return undefined;
    return (patch.source ?? "source") === "source"
      ? this.directions[direction].row(patch.site)
      : undefined;
  }
}
