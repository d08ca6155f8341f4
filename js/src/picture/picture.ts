/**
 * A view as one SVG that stands alone: real text, own fonts and colours, as it is seen.
 *
 * It is drawn from what the browser has laid out, not with `foreignObject`, which only browsers show and which keeps a
 * canvas from being read. Costs some tenths of a second.
 */

import { boxMarkup, markBeside } from "./boxes";
import { canvasMarkup, graphicMarkup } from "./graphics";
import { type Box, boxOf, define, element, escaped, type Sheet, short } from "./markup";
import { textMarkup, word } from "./words";

const px = (css: string) => Number.parseFloat(css) || 0;

/** The room inside an element's padding, for the words of a field. */
function inside(box: Box, style: CSSStyleDeclaration): Box {
  const line = Math.min(box.height, px(style.fontSize) * 1.2);
  const x = box.x + px(style.paddingLeft) + px(style.borderLeftWidth);
  return { ...box, x, y: box.y + (box.height - line) / 2, height: line };
}

/** A field has its words in a place that no script can read. */
function fieldMarkup(el: HTMLElement, style: CSSStyleDeclaration, box: Box): string {
  if (el instanceof HTMLSelectElement) {
    const chosen = el.selectedOptions[0]?.label ?? "";
    const [right, middle] = [box.x + box.width - 12, box.y + box.height / 2];
    const d = `M${short(right - 3.5)} ${short(middle - 1.5)}l3.5 3.5l3.5 -3.5`;
    const arrow = element("path", { d, fill: "none", stroke: "#808080", "stroke-width": 1.5 });
    return word(style, chosen, inside(box, style)) + arrow;
  }
  if (el instanceof HTMLInputElement && el.type === "range") {
    const part = (Number(el.value) - Number(el.min)) / (Number(el.max) - Number(el.min) || 1);
    const y = box.y + box.height / 2;
    const line = { x1: box.x, x2: box.x + box.width, y1: y, y2: y, stroke: "#808080" };
    const knob = { cx: box.x + part * box.width, cy: y, r: 5, fill: "#808080" };
    return element("line", line) + element("circle", knob);
  }
  if (el instanceof HTMLInputElement || el instanceof HTMLTextAreaElement)
    return word(style, el.value || el.placeholder, inside(box, style));
  return "";
}

/** What is cut off at an element's edge, and what is drawn in part. */
function clipOf(sheet: Sheet, el: HTMLElement, style: CSSStyleDeclaration, box: Box) {
  const polygon = /^polygon\((.*)\)$/.exec(style.clipPath)?.[1];
  if (polygon !== undefined) {
    const at = (text: string, start: number, size: number) =>
      start + (text.endsWith("%") ? (px(text) / 100) * size : px(text));
    const points = polygon.split(",").map((pair) => {
      const [x = "0", y = "0"] = pair.trim().split(/\s+/);
      return `${short(at(x, box.x, box.width))},${short(at(y, box.y, box.height))}`;
    });
    return define(sheet, "clipPath", {}, element("polygon", { points: points.join(" ") }));
  }
  const overflows = el.scrollWidth > el.clientWidth || el.scrollHeight > el.clientHeight;
  if (style.overflowX === "visible" || !overflows) return undefined;
  return define(sheet, "clipPath", {}, element("rect", { ...box }));
}

function contents(sheet: Sheet, el: HTMLElement, style: CSSStyleDeclaration): string {
  const drawn = [...el.childNodes].map((child) => {
    if (child instanceof Text)
      return style.visibility === "hidden" ? "" : textMarkup(sheet, child, el, style);
    if (child instanceof SVGSVGElement) return graphicMarkup(sheet, child);
    if (child instanceof HTMLCanvasElement)
      return (
        boxMarkup(sheet, getComputedStyle(child), boxOf(sheet, child.getBoundingClientRect())) +
        canvasMarkup(sheet, child)
      );
    return child instanceof HTMLElement ? nodeMarkup(sheet, child) : "";
  });
  return markBeside(sheet, el, "::before") + drawn.join("") + markBeside(sheet, el, "::after");
}

function nodeMarkup(sheet: Sheet, el: HTMLElement): string {
  const style = getComputedStyle(el);
  if (style.display === "none" || style.opacity === "0" || style.clipPath.startsWith("inset"))
    return "";
  const box = boxOf(sheet, el.getBoundingClientRect());
  const own = style.visibility === "hidden" ? "" : boxMarkup(sheet, style, box);
  const field = el.matches("select, input, textarea");
  const held = field ? fieldMarkup(el, style, box) : contents(sheet, el, style);
  const clip = clipOf(sheet, el, style, box);
  const polygon = style.clipPath.startsWith("polygon");
  const cut = clip === undefined || polygon ? held : element("g", { "clip-path": clip }, held);
  const drawn = own + cut;
  const opacity = style.opacity === "1" ? undefined : Number(style.opacity);
  const whole = { opacity, "clip-path": polygon ? clip : undefined };
  return drawn !== "" && (opacity !== undefined || polygon) ? element("g", whole, drawn) : drawn;
}

export interface Drawing {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** Draws a view; `title` says what it shows, for readers and for assistive technology. */
export function drawView(root: HTMLElement, title: string): Drawing {
  const rect = root.getBoundingClientRect();
  const [width, height] = [
    Math.ceil(rect.width),
    Math.ceil(Math.max(rect.height, root.scrollHeight)),
  ];
  const sheet: Sheet = { left: rect.left, top: rect.top - root.scrollTop, defs: [] };
  const style = getComputedStyle(root);
  const ground = boxMarkup(sheet, style, { x: 0, y: 0, width, height });
  const drawn = contents(sheet, root, style);
  const defs = sheet.defs.length === 0 ? "" : element("defs", {}, sheet.defs.join(""));
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  const head = { xmlns: "http://www.w3.org/2000/svg", ...size, role: "img" };
  const named = element("title", {}, escaped(title));
  return { svg: element("svg", head, named + defs + ground + drawn), width, height };
}
