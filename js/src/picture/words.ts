/** Text as text: each line of a text node where it stands, with its own font and colour. */

import { paintOf } from "./colours";
import { type Box, element, escaped, type Sheet } from "./markup";

const measure = () => document.createElement("canvas").getContext("2d");
let context: CanvasRenderingContext2D | null | undefined;

function metricsOf(style: CSSStyleDeclaration, text: string): TextMetrics | undefined {
  context ??= measure();
  if (context === null) return undefined;
  const { fontStyle, fontWeight, fontSize, fontFamily } = style;
  context.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
  return context.measureText(text);
}

/** Which part of a line's height is above its baseline. */
function baseline(style: CSSStyleDeclaration): number {
  const found = metricsOf(style, "x");
  if (found === undefined) return 0.8;
  const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = found;
  return up + down > 0 ? up / (up + down) : 0.8;
}

export function word(style: CSSStyleDeclaration, text: string, { x, y, height }: Box): string {
  const paint = paintOf(style.color);
  if (paint === undefined || text.trim() === "") return "";
  const spacing = style.letterSpacing === "normal" ? undefined : style.letterSpacing;
  const at = { x, y: y + height * baseline(style), fill: paint.colour };
  const font = {
    "fill-opacity": paint.opacity === 1 ? undefined : paint.opacity,
    "font-family": style.fontFamily,
    "font-size": Number.parseFloat(style.fontSize),
    "font-weight": style.fontWeight === "400" ? undefined : style.fontWeight,
    "font-style": style.fontStyle === "normal" ? undefined : style.fontStyle,
    "letter-spacing": spacing,
  };
  // What a browser collapses or keeps is decided already.
  return element("text", { ...at, ...font, "xml:space": "preserve" }, escaped(text));
}

interface Line {
  from: number;
  to: number;
}

function rectOf(node: Text, { from, to }: Line): DOMRect {
  const range = document.createRange();
  range.setStart(node, from);
  range.setEnd(node, to);
  return range.getBoundingClientRect();
}

/** The lines of a text node: its words, by where they stand. */
function linesOf(node: Text, keepsSpaces: boolean): readonly Line[] {
  const lines: Line[] = [];
  const words = keepsSpaces ? /[^\n]+/g : /\S+/g;
  let bottom = Number.NEGATIVE_INFINITY;
  for (const found of node.data.matchAll(words)) {
    const piece = { from: found.index, to: found.index + found[0].length };
    const rect = rectOf(node, piece);
    const last = lines.at(-1);
    if (last !== undefined && rect.top < bottom - 1) last.to = piece.to;
    else lines.push(piece);
    bottom = Math.max(rect.bottom, last === undefined ? rect.bottom : bottom);
    if (lines.at(-1) === piece) bottom = rect.bottom;
  }
  return lines;
}

/** Where the line of an element that ends in "…" is cut; undefined where it fits. */
function cutAt(parent: HTMLElement): number | undefined {
  for (let el: HTMLElement | null = parent; el !== null; el = el.parentElement) {
    const style = getComputedStyle(el);
    if (style.textOverflow === "ellipsis" && style.overflowX !== "visible") {
      if (el.scrollWidth <= el.clientWidth) return undefined;
      const { right } = el.getBoundingClientRect();
      return (
        right - Number.parseFloat(style.paddingRight) - Number.parseFloat(style.borderRightWidth)
      );
    }
    if (!style.display.startsWith("inline")) return undefined;
  }
  return undefined;
}

function shortened(node: Text, line: Line, edge: number, style: CSSStyleDeclaration): string {
  const dots = metricsOf(style, "…")?.width ?? 0;
  let to = line.to;
  while (to > line.from && rectOf(node, { from: line.from, to }).right > edge - dots) to -= 1;
  return `${node.data.slice(line.from, to).trimEnd()}…`;
}

export function textMarkup(
  sheet: Sheet,
  node: Text,
  parent: HTMLElement,
  style: CSSStyleDeclaration,
) {
  const keeps = style.whiteSpace.startsWith("pre") || style.whiteSpace === "break-spaces";
  const edge = cutAt(parent);
  return linesOf(node, keeps)
    .map((line) => {
      const rect = rectOf(node, line);
      if (rect.width === 0 || (edge !== undefined && rect.left >= edge)) return "";
      const { width, height } = rect;
      const box = { x: rect.left - sheet.left, y: rect.top - sheet.top, width, height };
      const plain = node.data.slice(line.from, line.to);
      const whole = keeps ? plain : plain.replace(/\s+/g, " ");
      const cut = edge !== undefined && rect.right > edge + 0.5;
      return word(style, cut ? shortened(node, line, edge, style) : whole, box);
    })
    .join("");
}
