/** Where the beads of a lens lie on the stream of a lane. */

import { outputCell } from "../model/cell";
import type { Lane } from "../model/experiment";
import { type Bead, beads, type LensLayer } from "../model/lens";
import { boxOf } from "./lane-cells";
import type { Box, PageLayout } from "./page";

const HEIGHT = 14;

const GAP = 2;

/** The width of one character of a bead, and the room around its text. */
const TEXT = { character: 6.7, around: 6 } as const;

export interface BeadBox extends Box, Bead {
  /** How many characters of its token have room. */
  readonly room: number;
}

/** The middle of the stream's node after a layer. */
function node(layout: PageLayout, lane: Lane, layer: number) {
  const { x, y, w, h } = boxOf(layout, lane, outputCell(layer, "resid_post"));
  return { x: x + w / 2, y: y + h / 2 };
}

/** A bead for the layers in a row that say the same; it reaches from the first one's node to the last one's. */
export function beadBoxes(
  layout: PageLayout,
  lane: Lane,
  layers: readonly LensLayer[],
): readonly BeadBox[] {
  // Left of the first column the names of the rows stand.
  const left = boxOf(layout, lane, outputCell(layout.first, "attn_out")).x;
  return beads(layers, layout.first, layout.count).map((bead) => {
    const [from, to] = [node(layout, lane, bead.first), node(layout, lane, bead.last)];
    const x = Math.max(left, from.x - layout.pitch / 2 + GAP / 2);
    const w = to.x + layout.pitch / 2 - GAP / 2 - x;
    const room = Math.floor((w - TEXT.around) / TEXT.character);
    return { ...bead, x, y: from.y - HEIGHT / 2, w, h: HEIGHT, room };
  });
}
