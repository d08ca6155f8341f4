/** Colours between colours, in OKLab (Ottosson 2020), so that equal steps look equal. */

import { clamp } from "../model/math";
import type { Theme } from "../model/theme";

type Triple = readonly [number, number, number];

export const DIVERGING = {
  light: ["#A34700", "#EE9A5B", "#F4F4F2", "#6DB1DE", "#005A92"],
  dark: ["#FFB98A", "#C4642A", "#2C2F33", "#2F7FB5", "#A6DBFF"],
} as const;

function toLinear(c: number): number {
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

function toGamma(c: number): number {
  const v = clamp(c, 0, 1);
  return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
}

export function hexToOklab(hex: string): Triple {
  const channel = (at: number) => toLinear(Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = [channel(1), channel(3), channel(5)];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

export function oklabToHex([L, a, b]: Triple): string {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const rgb = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const byte = (c: number) =>
    Math.round(toGamma(c) * 255)
      .toString(16)
      .padStart(2, "0");
  return `#${rgb.map(byte).join("")}`.toUpperCase();
}

export function mix(from: string, to: string, t: number): string {
  const [a, b] = [hexToOklab(from), hexToOklab(to)];
  return oklabToHex([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]);
}

/** The same for ablations, which are neither clean nor corrupted: lost, neutral, gained. */
const GREY = {
  light: ["#17191D", "#8C9299", "#F4F4F2", "#86BF9E", "#1C6B44"],
  dark: ["#F4F5F7", "#878D95", "#2C2F33", "#3D7C5B", "#A3E2BF"],
} as const;

/** The colour of −1 … 1 on the diverging scale: orange, neutral, blue. Clipped at the ends. */
export function diverging(value: number, theme: Theme, grey = false): string {
  const stops = (grey ? GREY : DIVERGING)[theme];
  const at = (clamp(value, -1, 1) + 1) * 2;
  const index = Math.min(3, Math.floor(at));
  return mix(stops[index] ?? stops[2], stops[index + 1] ?? stops[2], at - index);
}
