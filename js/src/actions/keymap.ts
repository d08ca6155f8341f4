/** Which key stands for which command. */

export type Command =
  | {
      readonly type: "move";
      readonly layers: number;
      readonly cells: number;
      readonly extend: boolean;
    }
  | { readonly type: "edge"; readonly end: "first" | "last" }
  | { readonly type: "position" | "pair"; readonly step: -1 | 1 }
  | { readonly type: "allPositions" | "meanPair" }
  | { readonly type: "patch" | "toggle" | "freeze" | "everythingBut" | "escape" }
  | {
      readonly type: "flipDirection" | "editPrompts" | "site" | "keys" | "lanesFull" | "fullScreen";
    }
  | { readonly type: "openHead" | "stepLens" | "keepOnly" | "addStrongest" }
  | { readonly type: "undo" | "redo" | "pin" | "path" }
  | { readonly type: "receiver"; readonly part: "q" | "k" | "v" | "logits" };

export interface KeyPress {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** How many layers Page Up and Page Down move. */
const PAGE = 5;

const PLAIN: Readonly<Record<string, Command>> = {
  Home: { type: "edge", end: "first" },
  End: { type: "edge", end: "last" },
  PageUp: { type: "move", layers: -PAGE, cells: 0, extend: false },
  PageDown: { type: "move", layers: PAGE, cells: 0, extend: false },
  "[": { type: "position", step: -1 },
  "]": { type: "position", step: 1 },
  a: { type: "allPositions" },
  ",": { type: "pair", step: -1 },
  ".": { type: "pair", step: 1 },
  m: { type: "meanPair" },
  w: { type: "editPrompts" },
  Enter: { type: "patch" },
  " ": { type: "toggle" },
  x: { type: "freeze" },
  i: { type: "everythingBut" },
  n: { type: "flipDirection" },
  l: { type: "lanesFull" },
  f: { type: "fullScreen" },
  p: { type: "pin" },
  c: { type: "keepOnly" },
  "+": { type: "addStrongest" },
  "=": { type: "addStrongest" },
  h: { type: "openHead" },
  t: { type: "stepLens" },
  e: { type: "path" },
  q: { type: "receiver", part: "q" },
  k: { type: "receiver", part: "k" },
  v: { type: "receiver", part: "v" },
  o: { type: "receiver", part: "logits" },
  z: { type: "undo" },
  "/": { type: "site" },
  "?": { type: "keys" },
  Escape: { type: "escape" },
};

/** The command of a key press; undefined leaves the key to the page. */
export function commandOf(press: KeyPress): Command | undefined {
  if (press.ctrlKey || press.metaKey || press.altKey) return undefined;
  const arrow = ARROWS[press.key];
  if (arrow !== undefined) {
    return { type: "move", layers: arrow[0], cells: arrow[1], extend: press.shiftKey };
  }
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if (key === "z" && press.shiftKey) return { type: "redo" };
  return PLAIN[key];
}

/** How far a key moves in a map, where layers are rows; Infinity means to the edge. */
export function mapStep(
  press: KeyPress,
): { readonly rows: number; readonly columns: number } | undefined {
  if (press.ctrlKey || press.metaKey || press.altKey || press.shiftKey) return undefined;
  const arrow = ARROWS[press.key];
  if (arrow !== undefined) return { rows: arrow[1], columns: arrow[0] };
  switch (press.key) {
    case "PageUp":
      return { rows: -PAGE, columns: 0 };
    case "PageDown":
      return { rows: PAGE, columns: 0 };
    case "Home":
      return { rows: 0, columns: Number.NEGATIVE_INFINITY };
    case "End":
      return { rows: 0, columns: Number.POSITIVE_INFINITY };
    default:
      return undefined;
  }
}

/** The help for the keys, in the order in which people need them. */
export const KEY_HELP: readonly (readonly [string, string])[] = [
  ["← → ↑ ↓", "layer, component"],
  ["Home End", "first, last layer"],
  ["PgUp PgDn", "5 layers"],
  ["Enter", "patch"],
  ["Space", "add or remove"],
  ["Shift+arrows", "extend the patch"],
  ["X Alt+click", "freeze: keep it as in the host"],
  ["I", "everything but these"],
  ["E", "path: choose sender, receiver"],
  ["Q K V O", "what receives: query, key, value, logits"],
  ["[ ]", "position"],
  ["A", "all positions"],
  [", .", "pair of a dataset"],
  ["M", "mean of all pairs"],
  ["W", "write other prompts"],
  ["N", "flip the direction"],
  ["L", "boxes of all three runs"],
  ["F", "full screen"],
  ["H", "panel of the head"],
  ["T", "lens: token of the stream"],
  ["P", "pin: compare with it"],
  ["C", "circuit: keep only these"],
  ["+", "add the strongest head"],
  ["Z  Shift+Z", "undo, redo"],
  ["/", "type a site or a path, L9.H6->L11.H0.q"],
  ["Esc", "cancel, clear, leave"],
];
