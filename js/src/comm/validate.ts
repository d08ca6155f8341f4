/** Turns unknown data into typed data, or says where it is wrong. */

import { printable, printableMessage } from "../model/printable";

export class DecodeError extends Error {}

/** Reads one value; `where` names it in the error. */
type Decoder<T> = (value: unknown, where: string) => T;

function wrong(where: string, expected: string, got: unknown): never {
  const shown = got === null ? "null" : Array.isArray(got) ? "a list" : typeof got;
  throw new DecodeError(`${where}: expected ${expected}, got ${shown}`);
}

/** An object whose fields are read one by one. */
export class Fields {
  readonly where: string;
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(value: unknown, where: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      wrong(where, "an object", value);
    }
    this.where = where;
    this.values = value as Readonly<Record<string, unknown>>;
  }

  raw(name: string): unknown {
    return this.values[name];
  }

  get<T>(name: string, decoder: Decoder<T>): T {
    return decoder(this.values[name], `${this.where}.${name}`);
  }

  /** The field, or another value where it is absent. */
  getOr<T, O = T>(name: string, decoder: Decoder<T>, otherwise: O): T | O {
    return this.has(name) ? this.get(name, decoder) : otherwise;
  }

  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }

  names(): readonly string[] {
    return Object.keys(this.values);
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function text(value: unknown, where: string): string {
  return typeof value === "string" ? value : wrong(where, "a text", value);
}

/** A text for people: invisible characters are seen, and a very long one is cut. Names that are sent back are `text`. */
export function shownText(value: unknown, where: string): string {
  return printable(text(value, where));
}

export function flag(value: unknown, where: string): boolean {
  return typeof value === "boolean" ? value : wrong(where, "true or false", value);
}

export function number(value: unknown, where: string): number {
  return typeof value === "number" ? value : wrong(where, "a number", value);
}

export function count(value: unknown, where: string): number {
  const n = number(value, where);
  return Number.isInteger(n) && n >= 0 ? n : wrong(where, "a count", value);
}

/** A count that is not more than what a page can draw, or than what there is. */
export function countUpTo(most: number): Decoder<number> {
  return (value, where) => {
    const n = count(value, where);
    return n <= most ? n : wrong(where, `${most} at most`, value);
  };
}

/** A number, or null where it is undefined. */
export function maybeNumber(value: unknown, where: string): number | null {
  if (value === null || value === undefined) return null;
  const n = number(value, where);
  return Number.isFinite(n) ? n : null;
}

/** A number, or NaN where it is undefined. */
export function numberOrNaN(value: unknown, where: string): number {
  return maybeNumber(value, where) ?? Number.NaN;
}

/** A sentence of Python, for people. */
export function message(value: unknown, where: string): string {
  return printableMessage(text(value, where));
}

/** A text; anything else counts as absent. */
export function textOr<T>(otherwise: T): Decoder<string | T> {
  return (value) => (typeof value === "string" ? value : otherwise);
}

/** A text for people; anything else counts as absent. */
export function messageOr<T>(otherwise: T): Decoder<string | T> {
  return (value) => (typeof value === "string" ? printableMessage(value) : otherwise);
}

/** A number; anything else counts as absent. */
export function numberOr(otherwise: number): Decoder<number> {
  return (value) => (typeof value === "number" ? value : otherwise);
}

export function listOf<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, where) =>
    Array.isArray(value)
      ? value.map((entry: unknown, i) => item(entry, `${where}[${i}]`))
      : wrong(where, "a list", value);
}

export function recordOf<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, where) => {
    const f = new Fields(value, where);
    // Without a prototype, "constructor" is a name like any other.
    const record: Record<string, T> = Object.create(null);
    for (const name of f.names()) record[name] = f.get(name, item);
    return record;
  };
}

/** A record without entries, for a field that is absent. */
export const NO_ENTRIES: Readonly<Record<string, never>> = Object.freeze(Object.create(null));

export function oneOf<T extends string>(...options: readonly T[]): Decoder<T> {
  return (value, where) =>
    options.find((option) => option === value) ?? wrong(where, options.join(" or "), value);
}
