/** Linear gradients of CSS as those of SVG. */

import { paintOf } from "./colours";
import { type Box, define, element, type Sheet, splitOutside } from "./markup";

const SIDES: Readonly<Record<string, number>> = {
  "to top": 0,
  "to right": 90,
  "to bottom": 180,
  "to left": 270,
};

function angleOf(first: string): number | undefined {
  const degrees = /^(-?[\d.]+)deg$/.exec(first)?.[1];
  return degrees === undefined ? SIDES[first] : Number(degrees);
}

interface Stop {
  readonly colour: string;
  /** In pixels along the line; undefined spreads it evenly. */
  readonly at: number | undefined;
}

function stopsOf(parts: readonly string[], length: number): readonly Stop[] {
  const place = (text: string) =>
    text.endsWith("%") ? (Number.parseFloat(text) / 100) * length : Number.parseFloat(text);
  return parts.flatMap((part): readonly Stop[] => {
    const [colour = "", ...places] = splitOutside(part, " ");
    if (places.length === 0) return [{ colour, at: undefined }];
    return places.map((each) => ({ colour, at: place(each) }));
  });
}

/** Where the line of a gradient begins and ends in a box. */
function lineOf({ x, y, width, height }: Box, angle: number) {
  const turn = (angle * Math.PI) / 180;
  const [dx, dy] = [Math.sin(turn), -Math.cos(turn)];
  const length = Math.abs(width * dx) + Math.abs(height * dy);
  const [cx, cy] = [x + width / 2 - (dx * length) / 2, y + height / 2 - (dy * length) / 2];
  return { from: [cx, cy] as const, dx, dy, length };
}

/** A background image as a fill; undefined for what is no linear gradient. */
export function gradientFill(sheet: Sheet, css: string, box: Box): string | undefined {
  const found = /^(repeating-)?linear-gradient\((.*)\)$/.exec(css);
  if (found === null) return undefined;
  const parts = splitOutside(found[2] ?? "", ",");
  const angle = angleOf(parts[0] ?? "");
  const { from, dx, dy, length } = lineOf(box, angle ?? 180);
  const stops = stopsOf(angle === undefined ? parts : parts.slice(1), length);
  const end = found[1] === undefined ? length : (stops.at(-1)?.at ?? length);
  const drawn = stops.map(({ colour, at }, i) => {
    const paint = paintOf(colour);
    return element("stop", {
      offset: at === undefined ? i / Math.max(1, stops.length - 1) : at / end,
      "stop-color": paint?.colour ?? "#000",
      "stop-opacity": paint?.opacity ?? 0,
    });
  });
  const [x1, y1] = from;
  const line = { x1, y1, x2: x1 + dx * end, y2: y1 + dy * end };
  const spread = found[1] === undefined ? undefined : "repeat";
  const units = { gradientUnits: "userSpaceOnUse", spreadMethod: spread };
  return define(sheet, "linearGradient", { ...line, ...units }, drawn.join(""));
}
