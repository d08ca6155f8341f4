/** The box of an element: its background, its border, its shadows. */

import { paintOf } from "./colours";
import { gradientFill } from "./gradients";
import { type Box, element, type Sheet, short, splitOutside } from "./markup";

const SIDES = ["Top", "Right", "Bottom", "Left"] as const;

const px = (css: string) => Number.parseFloat(css) || 0;

/** The radius of each corner, from the upper left one. */
function radii(style: CSSStyleDeclaration, { width, height }: Box): readonly number[] {
  const most = Math.min(width, height) / 2;
  const of = (css: string) =>
    Math.min(most, css.includes("%") ? (px(css) / 100) * Math.min(width, height) : px(css));
  const { borderTopLeftRadius, borderTopRightRadius } = style;
  const { borderBottomRightRadius, borderBottomLeftRadius } = style;
  return [
    borderTopLeftRadius,
    borderTopRightRadius,
    borderBottomRightRadius,
    borderBottomLeftRadius,
  ].map(of);
}

/** A rectangle with round corners, made smaller by `inset` on all sides. */
function shape(box: Box, corners: readonly number[], inset = 0) {
  const [x, y] = [box.x + inset, box.y + inset];
  const [width, height] = [Math.max(0, box.width - 2 * inset), Math.max(0, box.height - 2 * inset)];
  const [a = 0, b = 0, c = 0, d = 0] = corners.map((each) => Math.max(0, each - inset));
  if (a === b && b === c && c === d)
    return { name: "rect", at: { x, y, width, height, rx: a === 0 ? undefined : a } };
  const arc = (r: number, dx: number, dy: number) =>
    r === 0 ? "" : `a${short(r)} ${short(r)} 0 0 1 ${short(dx)} ${short(dy)}`;
  const line = `M${short(x + a)} ${short(y)}H${short(x + width - b)}${arc(b, b, b)}V${short(y + height - c)}${arc(c, -c, c)}H${short(x + d)}${arc(d, -d, -d)}V${short(y + a)}${arc(a, a, -a)}Z`;
  return { name: "path", at: { d: line } };
}

function filled(box: Box, corners: readonly number[], fill: string, opacity = 1): string {
  const { name, at } = shape(box, corners);
  return element(name, { ...at, fill, "fill-opacity": opacity === 1 ? undefined : opacity });
}

function background(sheet: Sheet, style: CSSStyleDeclaration, box: Box): string {
  const corners = radii(style, box);
  const paint = paintOf(style.backgroundColor);
  const plain = paint === undefined ? "" : filled(box, corners, paint.colour, paint.opacity);
  const images = style.backgroundImage === "none" ? [] : splitOutside(style.backgroundImage, ",");
  const fills = [...images].reverse().map((css) => gradientFill(sheet, css, box));
  return (
    plain + fills.map((fill) => (fill === undefined ? "" : filled(box, corners, fill))).join("")
  );
}

interface Edge {
  readonly width: number;
  readonly kind: string;
  readonly colour: string;
}

function edgesOf(style: CSSStyleDeclaration): readonly Edge[] {
  return SIDES.map((side) => ({
    width: px(style[`border${side}Width`]),
    kind: style[`border${side}Style`],
    colour: style[`border${side}Color`],
  }));
}

function stroke({ width, kind, colour }: Edge) {
  const paint = paintOf(colour);
  if (paint === undefined || width === 0 || kind === "none" || kind === "hidden") return undefined;
  const dashes = { dashed: `${3 * width} ${2 * width}`, dotted: `${width} ${width}` };
  return {
    fill: "none",
    stroke: paint.colour,
    "stroke-width": width,
    "stroke-opacity": paint.opacity === 1 ? undefined : paint.opacity,
    "stroke-dasharray": dashes[kind as keyof typeof dashes],
  };
}

function border(style: CSSStyleDeclaration, box: Box): string {
  const edges = edgesOf(style);
  const [top, ...others] = edges;
  if (top === undefined) return "";
  if (others.every((edge) => JSON.stringify(edge) === JSON.stringify(top))) {
    const line = stroke(top);
    const { name, at } = shape(box, radii(style, box), top.width / 2);
    return line === undefined ? "" : element(name, { ...at, ...line });
  }
  return edges
    .map((edge, i) => {
      const line = stroke(edge);
      return line === undefined
        ? ""
        : element("path", { d: sidePath(box, radii(style, box), i, edge.width / 2), ...line });
    })
    .join("");
}

/** One side, in the middle of its line: the upper and the lower one have the corners. */
function sidePath(
  { x, y, width, height }: Box,
  corners: readonly number[],
  side: number,
  half: number,
): string {
  const [a = 0, b = 0, c = 0, d = 0] = corners.map((each) => Math.max(0, each - half));
  const [left, top, right, bottom] = [x + half, y + half, x + width - half, y + height - half].map(
    short,
  );
  const arc = (r: number, dx: number, dy: number) =>
    r === 0 ? "" : `a${short(r)} ${short(r)} 0 0 1 ${short(dx)} ${short(dy)}`;
  const paths = [
    `M${left} ${short(y + half + a)}${arc(a, a, -a)}H${short(x + width - half - b)}${arc(b, b, b)}`,
    `M${right} ${short(y + b)}V${short(y + height - c)}`,
    `M${right} ${short(y + height - half - c)}${arc(c, -c, c)}H${short(x + half + d)}${arc(d, -d, -d)}`,
    `M${left} ${short(y + height - d)}V${short(y + a)}`,
  ];
  const flat = [
    `M${short(x)} ${top}H${short(x + width)}`,
    paths[1],
    `M${short(x)} ${bottom}H${short(x + width)}`,
    paths[3],
  ];
  const round = side === 0 ? a + b > 0 : c + d > 0;
  return (round ? paths[side] : flat[side]) ?? "";
}

/** Rings around an element and lines at its edge: shadows without blur. */
function shadows(style: CSSStyleDeclaration, box: Box): { outside: string; inside: string } {
  const drawn = { outside: "", inside: "" };
  if (style.boxShadow === "none") return drawn;
  for (const css of [...splitOutside(style.boxShadow, ",")].reverse()) {
    const parts = splitOutside(css, " ");
    const [, dy = 0, blur = 0, spread = 0] = parts.filter((p) => p.endsWith("px")).map(px);
    const paint = paintOf(parts.find((p) => !p.endsWith("px") && p !== "inset") ?? "");
    if (paint === undefined || blur > 0) continue;
    const fill = { fill: paint.colour, "fill-opacity": paint.opacity };
    if (parts.includes("inset")) {
      const y = dy < 0 ? box.y + box.height + dy : box.y;
      drawn.inside += element("rect", {
        ...fill,
        x: box.x,
        y,
        width: box.width,
        height: Math.abs(dy),
      });
    } else {
      const { name, at } = shape(
        box,
        radii(style, box).map((r) => (r > 0 ? r + spread : 0)),
        -spread,
      );
      drawn.outside += element(name, { ...at, ...fill });
    }
  }
  return drawn;
}

export function boxMarkup(sheet: Sheet, style: CSSStyleDeclaration, box: Box): string {
  if (box.width === 0 || box.height === 0) return "";
  const { outside, inside } = shadows(style, box);
  return outside + background(sheet, style, box) + inside + border(style, box);
}

/** `::before` or `::after` that is a mark without words; nothing where there is none. */
export function markBeside(
  sheet: Sheet,
  owner: HTMLElement,
  which: "::before" | "::after",
): string {
  const style = getComputedStyle(owner, which);
  if (style.content === "none" || style.content === "normal" || style.display === "none") return "";
  const around = owner.getBoundingClientRect();
  const own = getComputedStyle(owner);
  const bordered = style.boxSizing === "border-box";
  const thick = bordered ? 0 : px(style.borderLeftWidth) + px(style.borderRightWidth);
  const width = Math.max(
    px(style.width) + thick,
    px(style.borderLeftWidth) + px(style.borderRightWidth),
  );
  const height = Math.max(
    px(style.height) + thick,
    px(style.borderTopWidth) + px(style.borderBottomWidth),
  );
  const inFlow =
    which === "::before" ? px(own.paddingLeft) : around.width - px(own.paddingRight) - width;
  const absolute = style.position === "absolute";
  const left = absolute ? px(style.left) + px(own.borderLeftWidth) : inFlow;
  const top = absolute ? px(style.top) + px(own.borderTopWidth) : (around.height - height) / 2;
  const box = {
    x: around.left - sheet.left + left,
    y: around.top - sheet.top + top,
    width,
    height,
  };
  const drawn = boxMarkup(sheet, style, box);
  const turn = /^matrix\(([^)]+)\)$/.exec(style.transform)?.[1];
  if (drawn === "" || turn === undefined) return drawn;
  const [cx, cy] = [short(box.x + width / 2), short(box.y + height / 2)];
  return element(
    "g",
    { transform: `translate(${cx} ${cy}) matrix(${turn}) translate(-${cx} -${cy})` },
    drawn,
  );
}
