/** Small readers that turn unknown data into typed data, or say where it is wrong. */

export class DecodeError extends Error {}

export type Fields = Readonly<Record<string, unknown>>;

function wrong(where: string, expected: string, got: unknown): never {
  const shown = got === null ? "null" : Array.isArray(got) ? "a list" : typeof got;
  throw new DecodeError(`${where}: expected ${expected}, got ${shown}`);
}

export function fields(value: unknown, where: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return wrong(where, "an object", value);
  }
  return value as Fields;
}

export function text(value: unknown, where: string): string {
  return typeof value === "string" ? value : wrong(where, "a text", value);
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

export function number(value: unknown, where: string): number {
  return typeof value === "number" ? value : wrong(where, "a number", value);
}

export function count(value: unknown, where: string): number {
  const n = number(value, where);
  return Number.isInteger(n) && n >= 0 ? n : wrong(where, "a count", value);
}

/** A number, or null where it is undefined. */
export function maybeNumber(value: unknown, where: string): number | null {
  if (value === null || value === undefined) return null;
  const n = number(value, where);
  return Number.isFinite(n) ? n : null;
}

export function list<T>(
  value: unknown,
  where: string,
  item: (value: unknown, where: string) => T,
): readonly T[] {
  if (!Array.isArray(value)) return wrong(where, "a list", value);
  return value.map((entry: unknown, i) => item(entry, `${where}[${i}]`));
}

export function record<T>(
  value: unknown,
  where: string,
  item: (value: unknown, where: string) => T,
): Readonly<Record<string, T>> {
  const entries = Object.entries(fields(value, where));
  return Object.fromEntries(entries.map(([key, v]) => [key, item(v, `${where}.${key}`)]));
}

export function oneOf<T extends string>(value: unknown, options: readonly T[], where: string): T {
  const found = options.find((option) => option === value);
  return found === undefined ? wrong(where, options.join(" or "), value) : found;
}
