/** Drawings that are SVG or pixels already: with their computed style, and as embedded images. */

import { paintOf } from "./colours";
import { type Box, boxOf, element, escaped, type Sheet } from "./markup";

/** What of an element says where it is; all else is in its style. */
const GEOMETRY =
  "d x y x1 y1 x2 y2 cx cy r rx ry dx dy width height points transform viewBox preserveAspectRatio id pathLength refX refY markerWidth markerHeight markerUnits orient patternUnits patternTransform offset gradientUnits clipPathUnits".split(
    " ",
  );

const INHERITED: Readonly<Record<string, string>> = {
  fill: "rgb(0, 0, 0)",
  "fill-opacity": "1",
  stroke: "none",
  "stroke-width": "1px",
  "stroke-opacity": "1",
  "stroke-dasharray": "none",
  "stroke-linecap": "butt",
  "stroke-linejoin": "miter",
  "font-family": "",
  "font-size": "",
  "font-weight": "400",
  "font-style": "normal",
  "text-anchor": "start",
  "dominant-baseline": "auto",
  "paint-order": "normal",
  "marker-end": "none",
  "marker-start": "none",
  "shape-rendering": "auto",
};

const OWN: Readonly<Record<string, string>> = {
  opacity: "1",
  "vector-effect": "none",
  "clip-path": "none",
};

const SHAPES = new Set(["path", "rect", "circle", "ellipse", "line", "polygon", "polyline"]);

type Known = Readonly<Record<string, string>>;

function presented(name: string, value: string): Readonly<Record<string, string | number>> {
  if (value.startsWith("url(")) return { [name]: value.replaceAll('"', "") };
  if (name !== "fill" && name !== "stroke") return { [name]: value };
  const paint = paintOf(value);
  if (paint === undefined) return { [name]: "none" };
  return paint.opacity === 1
    ? { [name]: paint.colour }
    : { [name]: paint.colour, [`${name}-opacity`]: paint.opacity };
}

/** The style of an element as attributes: what its parent does not give it. */
function styleOf(style: CSSStyleDeclaration, inherited: Known): { said: object; known: Known } {
  const known: Record<string, string> = {};
  let said = {};
  for (const name of Object.keys(INHERITED)) {
    const value = style.getPropertyValue(name);
    known[name] = value;
    if (value !== inherited[name] && value !== "") said = { ...said, ...presented(name, value) };
  }
  for (const [name, usual] of Object.entries(OWN)) {
    const value = style.getPropertyValue(name);
    if (value !== usual && value !== "") said = { ...said, ...presented(name, value) };
  }
  return { said, known };
}

function isUnseen(el: SVGElement, style: CSSStyleDeclaration): boolean {
  if (style.display === "none" || style.opacity === "0") return true;
  if (!SHAPES.has(el.localName)) return false;
  const fill = style.fill.startsWith("url(") || paintOf(style.fill) !== undefined;
  const stroke = style.stroke.startsWith("url(") || paintOf(style.stroke) !== undefined;
  const filled = fill && style.fillOpacity !== "0";
  return style.visibility === "hidden" || (!filled && (!stroke || style.strokeWidth === "0px"));
}

function part(el: SVGElement, inherited: Known, extra: object = {}): string {
  const style = getComputedStyle(el);
  if (isUnseen(el, style) || el.localName === "title") return "";
  const { said, known } = styleOf(style, inherited);
  const at = GEOMETRY.filter((name) => el.hasAttribute(name)).map((name) => [
    name,
    el.getAttribute(name) ?? "",
  ]);
  const content = [...el.childNodes]
    .map((child) => {
      if (child instanceof SVGElement) return part(child, known);
      return child instanceof Text && /^(text|tspan)$/.test(el.localName)
        ? escaped(child.data)
        : "";
    })
    .join("");
  if (content === "" && !SHAPES.has(el.localName) && el.localName !== "stop") return "";
  return element(el.localName, { ...Object.fromEntries(at), ...said, ...extra }, content);
}

export function graphicMarkup(sheet: Sheet, svg: SVGSVGElement): string {
  const box = boxOf(sheet, svg.getBoundingClientRect());
  const { overflow } = getComputedStyle(svg);
  return part(svg, INHERITED, { ...box, overflow: overflow === "visible" ? "visible" : undefined });
}

/** A canvas as it is seen, twice as fine; pixels that are cells stay cells. */
export function canvasMarkup(sheet: Sheet, canvas: HTMLCanvasElement): string {
  const box: Box = boxOf(sheet, canvas.getBoundingClientRect());
  const copy = document.createElement("canvas");
  copy.width = Math.max(1, Math.round(2 * box.width));
  copy.height = Math.max(1, Math.round(2 * box.height));
  const context = copy.getContext("2d");
  if (context === null || canvas.width === 0 || canvas.height === 0) return "";
  context.imageSmoothingEnabled = getComputedStyle(canvas).imageRendering !== "pixelated";
  context.drawImage(canvas, 0, 0, copy.width, copy.height);
  const href = copy.toDataURL("image/png");
  return element("image", { ...box, preserveAspectRatio: "none", href });
}
