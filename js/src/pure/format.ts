/** Numbers and tokens as people read them: a real minus, never finer than the noise floor. */

const VISIBLE: Readonly<Record<string, string>> = { "\n": "⏎", "\r": "␍", "\t": "⇥", " ": "␣" };

/** A token with its spaces and line ends visible. */
export function tokenText(token: string): string {
  if (token === "") return "∅";
  return token.replace(/[\n\r\t ]/g, (c) => VISIBLE[c] ?? c);
}

/** A long token cut in the middle, so that both its ends stay. */
export function shortToken(token: string, longest = 22): string {
  const shown = Array.from(tokenText(token));
  if (shown.length <= longest) return shown.join("");
  const half = Math.floor((longest - 1) / 2);
  return `${shown.slice(0, half).join("")}…${shown.slice(-half).join("")}`;
}

function decimals(value: number, floor: number): number {
  const size = Math.abs(value);
  const wanted = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const honest = floor > 0 ? Math.max(0, Math.floor(-Math.log10(floor))) : wanted;
  return Math.min(wanted, honest);
}

/** −5.49, 0.916, 12.3: three figures at most. */
export function plainNumber(value: number | null | undefined, floor = 0): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "undefined";
  const text = Math.abs(value).toFixed(decimals(value, floor));
  const negative = value < 0 && Number(text) !== 0;
  return negative ? `−${text}` : text;
}

/** The same with its sign: +6.77, −0.963, 0. */
export function signed(value: number | null | undefined, floor = 0): string {
  const text = plainNumber(value, floor);
  if (value === null || value === undefined || Number.isNaN(value)) return text;
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** A metric's value: signed where its sign means something, whole where it counts. */
export function metricNumber(
  value: number | null | undefined,
  metric: {
    readonly unit: string;
    readonly lower_is_better: boolean;
    readonly noise_floor: number;
  },
): string {
  if (metric.unit === "rank" && Number.isInteger(value)) return String(value);
  const plain = metric.lower_is_better || metric.unit === "probability";
  return (plain ? plainNumber : signed)(value, metric.noise_floor);
}

/** An effect in a metric: always with its sign. */
export function effectNumber(
  value: number | null | undefined,
  metric: { readonly unit: string; readonly noise_floor: number },
): string {
  const text = signed(value, metric.noise_floor);
  return metric.unit === "rank" && Number.isInteger(value) ? text.replace(/\.0+$/, "") : text;
}

/** A share as a percentage: 58 %, −6 %, 0.4 %, 99.9 %; 100 % only where it is. */
export function percent(share: number): string {
  const hundred = share * 100;
  const size = Math.abs(hundred);
  const fine = (size < 9.95 && size >= 0.05) || (size !== 100 && Math.round(size) === 100);
  const text = size.toFixed(fine ? 1 : 0).replace(/\.0$/, "");
  return `${hundred < 0 && Number(text) !== 0 ? "−" : ""}${text} %`;
}

/** A probability: 92.3 %, 0.3 %, < 0.1 %. */
export function probability(p: number): string {
  if (Number.isNaN(p)) return "–";
  if (p > 0 && p < 0.0005) return "< 0.1 %";
  return `${(p * 100).toFixed(1)} %`;
}

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`;
}
