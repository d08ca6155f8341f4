/** The rows of a lane: heads, their sum, MLP, residual stream. A slim lane has one row for all of them. */

import type { Cell } from "../model/cell";
import type { Lane } from "../model/experiment";

/** A row of boxes; heads have several, one below the other. */
interface Row {
  readonly top: number;
  readonly height: number;
}

export interface LaneLayout {
  readonly top: number;
  readonly svgTop: number;
  readonly height: number;
  readonly svgHeight: number;
  /** Every component has its own row; otherwise all of a layer stand in one. */
  readonly full: boolean;
  readonly rowPitch: number;
  readonly rows: Readonly<Record<Cell["component"], Row>>;
}

/** The least width of a head where those of a layer stand in several columns. */
export const MULTI_COLUMN_LEAST = 8;

const TOKEN_ROW = 22;

const LANE_HEAD = 24;

/** The layer numbers over the boxes. */
export const LAYER_AXIS = 15;

const GAP = 4;

const HEADS_MAX = { clean: 56, patched: 96, corrupted: 56 } as const;

const HIGHEST_CELL = 18;

const SLIM = { height: 20, box: { top: 2, height: 15 } } as const;

type Rows = Pick<LaneLayout, "full" | "rowPitch" | "rows" | "svgHeight">;

function slimRows(): Rows {
  const { box, height } = SLIM;
  const rows = { z: box, attn_out: box, mlp_out: box, resid_post: box };
  return { full: false, rowPitch: 0, rows, svgHeight: height };
}

function fullRows(lane: Lane, heads: number): Rows {
  const rowPitch = Math.min(HIGHEST_CELL + 2, HEADS_MAX[lane] / heads);
  const gap = rowPitch >= 9 ? 2 : rowPitch >= 5 ? 1.25 : 0.75;
  const height = rowPitch - gap;
  const z = { top: LAYER_AXIS + 1, height };
  const other = Math.min(HIGHEST_CELL, Math.max(lane === "patched" ? 9 : 8, height));
  const attn = { top: z.top + heads * rowPitch + 3, height: other };
  const mlp = { top: attn.top + other + 3, height: other + (lane === "patched" ? 2 : 0) };
  const resid = { top: mlp.top + mlp.height + 3, height: 12 };
  const rows = { z, attn_out: attn, mlp_out: mlp, resid_post: resid };
  return { full: true, rowPitch, rows, svgHeight: resid.top + resid.height + 3 };
}

interface Kind {
  readonly sides: boolean;
  readonly full: boolean;
}

function laneLayout(lane: Lane, top: number, heads: number, { sides, full }: Kind): LaneLayout {
  const svgTop = top + 1 + (sides ? 0 : LANE_HEAD) + TOKEN_ROW;
  const rows = full || lane === "patched" ? fullRows(lane, heads) : slimRows();
  return { top, svgTop, height: svgTop - top + rows.svgHeight + 2, ...rows };
}

export function lanesOf(
  heads: number,
  kind: Kind,
): { readonly lanes: Readonly<Record<Lane, LaneLayout>>; readonly height: number } {
  const clean = laneLayout("clean", 0, heads, kind);
  const patched = laneLayout("patched", clean.height + GAP, heads, kind);
  const corrupted = laneLayout("corrupted", patched.top + patched.height + GAP, heads, kind);
  return { lanes: { clean, patched, corrupted }, height: corrupted.top + corrupted.height };
}
