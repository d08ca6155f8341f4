/** SVG as text: attributes, numbers, escaped words. */

/** Characters that no XML may have. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

export function escaped(text: string): string {
  return text.replace(NOT_XML, "").replace(/[&<>"]/g, (c) => ENTITIES[c] ?? c);
}

/** Two decimals are a fiftieth of a pixel. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

export function element(name: string, attributes: Attributes, content = ""): string {
  const said = Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== "")
    .map(
      ([key, value]) =>
        ` ${key}="${typeof value === "number" ? short(value) : escaped(`${value}`)}"`,
    );
  return `<${name}${said.join("")}${content === "" ? "/>" : `>${content}</${name}>`}`;
}

/** What is drawn lies in the picture by its place in the window. */
export interface Sheet {
  readonly left: number;
  readonly top: number;
  /** Definitions so far: gradients, clips. */
  readonly defs: string[];
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function boxOf(sheet: Sheet, rect: DOMRect): Box {
  const { width, height } = rect;
  return { x: rect.left - sheet.left, y: rect.top - sheet.top, width, height };
}

/** A new definition; returns how to refer to it. */
export function define(
  sheet: Sheet,
  name: string,
  attributes: Attributes,
  content: string,
): string {
  const id = `pw-export-${sheet.defs.length}`;
  sheet.defs.push(element(name, { id, ...attributes }, content));
  return `url(#${id})`;
}

/** "a(b, c), d" at the commas that are not in brackets. */
export function splitOutside(text: string, at: "," | " "): readonly string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const c of text) {
    if (c === "(") depth += 1;
    if (c === ")") depth -= 1;
    if (c === at && depth === 0) parts.push("");
    else parts[parts.length - 1] += c;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}
