/** Numbers as people read them: a real minus sign, never finer than the noise floor. */

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

/** A share where there is no room for tenths: 100 % is also 99.6 %. */
export function percentWhole(share: number): string {
  return percent(Math.round(share * 100) / 100);
}

/** A share for comparing, always to a tenth: 58.4 %, −6.0 %. */
export function percentFine(share: number): string {
  return `${tenths(share * 100)} %`;
}

/** The difference of two shares, in points of a hundred: −36.8, +5.0. */
export function points(difference: number): string {
  const text = tenths(difference * 100);
  return difference > 0 && Number(text) !== 0 ? `+${text}` : text;
}

function tenths(value: number): string {
  const text = Math.abs(value).toFixed(1);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A probability: 92.3 %, 0.3 %, < 0.1 %. */
export function probability(p: number): string {
  if (Number.isNaN(p)) return "–";
  if (p > 0 && p < 0.0005) return "< 0.1 %";
  return `${(p * 100).toFixed(1)} %`;
}
