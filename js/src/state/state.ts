/** What one view knows. */

import type { Direction, Scene } from "../model/experiment";
import type { Delivery, TextFile, WrittenFormat } from "../model/file";
import type { LensMethod } from "../model/lens";
import type { Field } from "../model/map";
import type { PinnedTokens } from "../model/mark";
import type { NeuronList, NeuronsRequest } from "../model/neurons";
import type { PatchRequest } from "../model/patch";
import type { Position } from "../model/position";
import type { PastResult, Result, Single } from "../model/result";
import type { Source } from "../model/source";
import type { Connection, Problem } from "../model/status";
import type { Host, Theme } from "../model/theme";
import type { Term } from "../text/terms";
import type { Editing } from "./editing";
import { type Facts, NO_FACTS } from "./facts";
import { type HeadPanel, NO_HEAD } from "./head-panel";
import { NO_SWEEP, type Sweep } from "./sweep";

export type Panel = "none" | "keys" | "export" | "site" | "menu";

/** What the maps print and name: the share of the difference, or the effect in the metric's unit. */
export type Unit = "share" | "effect";

/** What the chart of tokens shows. */
export type Scores = "logit" | "prob";

export type Tab =
  | "heads"
  | "positions"
  | "reach"
  | "logits"
  | "neurons"
  | "circuit"
  | "history"
  | "head";

/** A path that is being made. The page is in path mode while there is one. */
export interface Draft {
  /** Undefined until it is chosen. */
  readonly sender: string | undefined;
  readonly receivers: readonly string[];
  /** What of the cell that was chosen last may receive: its query, key, value. Empty while there is no choice. */
  readonly choices: readonly string[];
}

/** The neurons that were asked for; neither list nor reason until they come. */
export interface Neurons {
  readonly id: number;
  readonly request: NeuronsRequest;
  readonly list: NeuronList | undefined;
  readonly reason: string | undefined;
}

/** A request that waits for its result. `id` is undefined if Python made it; `cursor` is its place in the timeline. */
export interface Pending {
  readonly id: number | undefined;
  readonly request: PatchRequest;
  readonly cursor: number | undefined;
}

export interface HistoryEntry {
  readonly number: number;
  readonly result: PastResult;
  readonly singles: readonly Single[];
  readonly note: string;
  readonly pinned: boolean;
  /** Of a pinned one: its tokens, once they were shown. */
  readonly tokens: PinnedTokens | undefined;
}

/** A request as lines of Python. The kernel writes them; undefined until they come. */
export interface Code {
  readonly id: number;
  readonly request: PatchRequest;
  readonly lines: string | undefined;
}

/** A file that Python writes. */
export interface Writing {
  readonly id: number;
  readonly format: WrittenFormat;
  /** Undefined until it comes. */
  readonly file: TextFile | undefined;
}

export interface State {
  readonly scene: Scene | undefined;
  readonly direction: Direction;
  readonly metric: string;
  /** What is put into whatever is patched next. */
  readonly source: Source;
  readonly position: Position;
  readonly result: Result | undefined;
  /** The pair of a dataset that was shown last; the stepper goes on from it after the mean. */
  readonly lastPair: number | undefined;
  /** How many results have come. Views alternate two class names by it, which starts the motion again. */
  readonly resultCount: number;
  /** The picture is new: its arrow and its wave move, until the next request. */
  readonly fresh: boolean;
  readonly pending: Pending | undefined;
  readonly entries: readonly HistoryEntry[];
  readonly timeline: readonly PatchRequest[];
  readonly cursor: number;
  readonly connection: Connection;
  readonly problem: Problem | undefined;
  readonly notice: string | undefined;
  readonly hover: string | undefined;
  readonly focus: string | undefined;
  readonly panel: Panel;
  /** The sites that were typed into the field and have no answer yet. */
  readonly typed: readonly string[] | undefined;
  readonly code: Code | undefined;
  readonly writing: Writing | undefined;
  readonly delivery: Delivery;
  /** The chart that was selected; undefined leaves it to the layout. */
  readonly tab: Tab | undefined;
  readonly sweep: Sweep;
  /** What is known about heads and streams. */
  readonly facts: Facts;
  readonly headPanel: HeadPanel;
  /** How the streams are read; undefined if they are not. */
  readonly lens: LensMethod | undefined;
  /** What the cells of the maps say. */
  readonly field: Field;
  readonly draft: Draft | undefined;
  /** The component of the map of heads. */
  readonly headComponent: string;
  /** The component of the map over positions. */
  readonly mapComponent: string;
  /** The layer whose heads are the rows of the map over positions, for components of heads. */
  readonly mapLayer: number;
  readonly neurons: Neurons | undefined;
  /** The prompts that are being written. */
  readonly editing: Editing | undefined;
  /** The entry of the history whose note is being written, by its number. */
  readonly noting: number | undefined;
  /** The layer whose neurons are listed; null for all. */
  readonly neuronLayer: number | null;
  /** The cell of each map that Tab reaches, by the map's name. */
  readonly mapFocus: Readonly<Record<string, string>>;
  /** The curve of circuits was asked for. */
  readonly curve: boolean;
  readonly unit: Unit;
  readonly scores: Scores;
  readonly unfolded: boolean;
  readonly firstLayer: number;
  /** All three lanes show all their boxes, not only the patched one. */
  readonly lanesFull: boolean;
  /** On a saved page: what was not computed before it was saved cannot come. */
  readonly saved: boolean;
  /** On a page with questions: the strongest head is not named before it is found. */
  readonly quiz: boolean;
  /** Whether a saved page has the answer to a request; everything may be asked elsewhere. */
  readonly knows: ((request: PatchRequest) => boolean) | undefined;
  /** The word of the page that the read-out explains. */
  readonly explained: Term | undefined;
  readonly width: number;
  readonly theme: Theme;
  readonly host: Host;
}

/** What may be set without any consequence for the rest. */
export type Settable = Pick<
  State,
  | "position"
  | "problem"
  | "notice"
  | "hover"
  | "focus"
  | "panel"
  | "typed"
  | "tab"
  | "field"
  | "draft"
  | "headComponent"
  | "mapComponent"
  | "mapLayer"
  | "neurons"
  | "editing"
  | "writing"
  | "delivery"
  | "noting"
  | "neuronLayer"
  | "mapFocus"
  | "curve"
  | "unit"
  | "scores"
  | "headPanel"
  | "lens"
  | "unfolded"
  | "firstLayer"
  | "lanesFull"
  | "saved"
  | "quiz"
  | "knows"
  | "explained"
  | "width"
  | "theme"
  | "host"
>;

export const INITIAL: State = {
  scene: undefined,
  direction: "denoise",
  metric: "",
  source: "source",
  position: "all",
  result: undefined,
  lastPair: undefined,
  resultCount: 0,
  fresh: false,
  pending: undefined,
  entries: [],
  timeline: [],
  cursor: -1,
  connection: "live",
  problem: undefined,
  notice: undefined,
  hover: undefined,
  focus: undefined,
  panel: "none",
  typed: undefined,
  code: undefined,
  writing: undefined,
  delivery: "save",
  tab: undefined,
  sweep: NO_SWEEP,
  facts: NO_FACTS,
  headPanel: NO_HEAD,
  lens: undefined,
  field: "total",
  draft: undefined,
  headComponent: "z",
  mapComponent: "resid_pre",
  mapLayer: 0,
  neurons: undefined,
  editing: undefined,
  noting: undefined,
  neuronLayer: null,
  mapFocus: {},
  curve: false,
  unit: "share",
  scores: "logit",
  unfolded: false,
  firstLayer: 0,
  lanesFull: false,
  saved: false,
  quiz: false,
  knows: undefined,
  explained: undefined,
  width: 0,
  theme: "light",
  host: "page",
};
