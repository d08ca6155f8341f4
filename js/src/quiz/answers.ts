/** The forms in which people write an answer, as in `patchwidgets/course/answers.py`. */

import type { Key, Question, Quiz } from "./question";

/** Of an answer of which nothing can be made: how to write it. */
export interface Unreadable {
  readonly says: string;
}

const HEAD =
  /^(?:layer|l|a)?\s*(\d+)(?:\s*[.,:/]\s*(?:head|h)?|\s+(?:head|h)?|(?:head|h))\s*[.,:/]?\s*(\d+)$/;
const MLP = /^(?:l(?:ayer)?\s*(\d+)[. ]*mlp(?:_out)?|(?:m|mlp)\s*\.?(\d+))$/;
const ATTENTION = /^l(?:ayer)?\s*(\d+)[. ]*attn(?:_out)?$/;
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
/** "<0.001", "#8", "pair 8 of 8": what the page writes around its numbers. */
const AROUND_NUMBER = /^(?:pair|[#<≈~])\s*|\s*of\s*\d+$/gi;
const INTEGER = /^[-+]?\d+$/;

/** In small letters, without what stands around it and without a position. */
function plain(text: string): string {
  return (text.trim().toLowerCase().split("@")[0] ?? "").replace(/^[\s([\]"']+|[\s)[\]"']+$/g, "");
}

function inModel(layer: number, head: number, quiz: Quiz): string | Unreadable {
  if (layer < quiz.layers && head < quiz.heads) return `L${layer}.H${head}`;
  const turned = head < quiz.layers && layer < quiz.heads;
  const sizes = `This model has the layers 0 to ${quiz.layers - 1}, with the heads 0 to ${quiz.heads - 1} in each.`;
  return { says: turned ? "A head is written with its layer first." : sizes };
}

/** Heads and MLPs that this model has. */
function example({ layers, heads }: Quiz): { readonly head: string; readonly mlp: string } {
  const layer = (wanted: number) => `L${Math.min(wanted, layers - 1)}`;
  return { head: `${layer(2)}.H${Math.min(1, heads - 1)}`, mlp: `${layer(3)}.mlp_out` };
}

function head(text: string, quiz: Quiz): string | Unreadable {
  const [, layer, number] = HEAD.exec(plain(text)) ?? [];
  if (layer === undefined || number === undefined)
    return { says: `Write a head as "${example(quiz).head}": first the layer, then the head.` };
  return inModel(Number(layer), Number(number), quiz);
}

function component(text: string, quiz: Quiz): string | Unreadable {
  const [, first, second] = MLP.exec(plain(text)) ?? [];
  const mlp = first ?? second;
  const attention = ATTENTION.exec(plain(text))?.[1];
  const layer = mlp ?? attention;
  if (layer !== undefined) {
    if (Number(layer) >= quiz.layers) return inModel(Number(layer), 0, quiz);
    return `L${Number(layer)}.${mlp === undefined ? "attn_out" : "mlp_out"}`;
  }
  const found = head(text, quiz);
  if (typeof found === "string" || HEAD.test(plain(text))) return found;
  const { head: one, mlp: other } = example(quiz);
  return { says: `Write a head as "${one}", and an MLP as "${other}".` };
}

/** Where a token stands in the prompts, by its text. */
function placesOf(text: string, { prompts }: Quiz): readonly number[] {
  const bare = (token: string) => token.replaceAll("␣", " ").trim();
  const wanted = bare(text);
  const found = prompts.flatMap((tokens) =>
    tokens.flatMap((token, at) => (wanted !== "" && bare(token) === wanted ? [at] : [])),
  );
  return [...new Set(found)];
}

function position(text: string, quiz: Quiz): number | Unreadable {
  const tokens = quiz.prompts[0].length;
  const written = text.trim().replace(/^@|["']/g, "");
  const name = Object.keys(quiz.positions).find(
    (each) => each.toLowerCase() === written.toLowerCase(),
  );
  if (name !== undefined) return quiz.positions[name] ?? 0;
  if (INTEGER.test(written)) {
    const index = Number(written) < 0 ? tokens + Number(written) : Number(written);
    if (index >= 0 && index < tokens) return index;
  }
  const [place, ...others] = placesOf(written, quiz);
  if (place !== undefined && others.length === 0) return place;
  const counted = `counted from 0 at ${quiz.prompts[0][0] ?? "the first token"}`;
  if (place !== undefined)
    return {
      says: `This token is at ${[place, ...others].join(" and ")}: write its number, ${counted}.`,
    };
  if (INTEGER.test(written))
    return { says: `The prompts have the positions 0 to ${tokens - 1}, ${counted}.` };
  const names = Object.keys(quiz.positions).join(", ");
  const orName = names === "" ? "" : `, or as a name of the task (${names})`;
  return { says: `Write a position as its number, ${counted}, as its token${orName}.` };
}

interface WrittenNumber {
  readonly digits: string;
  readonly percent: boolean;
}

function writtenNumber(text: string): WrittenNumber {
  const bare = text.trim().replace(AROUND_NUMBER, "").replace(/[−–]/g, "-");
  return { digits: bare.replace(/[%\s]+$/, "").replace(",", "."), percent: bare.endsWith("%") };
}

function number(text: string): number | Unreadable {
  const { digits, percent } = writtenNumber(text);
  if (!NUMBER.test(digits)) return { says: "Write a number, such as 0.58 or 58%." };
  return percent ? Number(digits) / 100 : Number(digits);
}

/** How far a number that is written with so many digits may be from what was rounded to it. */
export function roundedBy(text: string): number {
  const { digits, percent } = writtenNumber(text);
  const [mantissa = "", exponent = "0"] = digits.toLowerCase().split("e");
  const places = (mantissa.split(".")[1] ?? "").length + (percent ? 2 : 0);
  return 0.5 * 10 ** (Number(exponent) - places);
}

/** What is compared of an answer as it was typed, or how to write it. */
export function read(text: string, kind: Question["kind"], quiz: Quiz): Key | Unreadable {
  if (kind === "head") return head(text, quiz);
  if (kind === "component") return component(text, quiz);
  if (kind === "position") return position(text, quiz);
  return kind === "number" ? number(text) : text;
}
