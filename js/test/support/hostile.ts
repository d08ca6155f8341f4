/** Values that no kernel should send, and messages spoilt by one of them. */

import fc from "fast-check";

const MARKUP = "<img src=x onerror=executed()>";

export const hostileText = fc.oneof(
  fc.constantFrom(
    ...[MARKUP, "</svg><script>executed()</script>", "\u202e\u2067abc", "\u05d0 5", "$\\bad$"],
    ...["", "__proto__", "constructor", "toString", "L0.H0", "L1.mlp_out@-1", "L99999999999.H3"],
    ...[`L${"9".repeat(5000)}.H1`, "x".repeat(50_000), "L0.H0@", "@", "💥".repeat(300), "\ud800"],
  ),
  fc.string({ maxLength: 12, unit: "binary" }),
);

export const hostileValue = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, -0, 0, 0.5, 1e308],
      ...[1, 2, 7, 2 ** 31, 2 ** 53, null, undefined, true, false, {}, [], [[]], [null], { a: 1 }],
    ),
  },
  { weight: 1, arbitrary: fc.anything({ maxDepth: 2 }) },
);

/** Every place in a message, as the keys that lead to it. */
function places(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => places(each, [...path, key]))];
}

function replaced(value: unknown, path: readonly string[], put: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return put;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string,
    unknown
  >;
  Object.defineProperty(copy, key, {
    value: replaced(copy[key], rest, put),
    ...{ enumerable: true, configurable: true, writable: true },
  });
  return copy;
}

/** The message with another value at one place; `where` in [0, 1) chooses the place. */
export function spoilt(message: unknown, where: number, put: unknown): unknown {
  const all = places(message);
  return replaced(message, all[Math.floor(where * all.length)] ?? [], put);
}

export const SPOILT_BUFFERS = ["cut", "longer", "none", "odd"] as const;

export function spoiltBuffers(
  buffers: readonly DataView[],
  how: (typeof SPOILT_BUFFERS)[number],
): readonly DataView[] {
  const sized = (by: number) =>
    buffers.map((each) => new DataView(new ArrayBuffer(Math.max(0, each.byteLength + by))));
  if (how === "none") return [];
  if (how === "odd") return sized(-1);
  return sized(how === "cut" ? -4 : 4);
}
