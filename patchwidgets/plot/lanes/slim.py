"""The stream of an unpatched run, with the boxes of what is patched."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from patchwidgets.directions import RunName
from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.layout import EDGE, NOTE, Box, Cell, Layout
from patchwidgets.plot.lanes.pen import ARROWS, Pen, Z, blend
from patchwidgets.plot.lanes.places import cell_of, changed_cells, short_name, taken_from
from patchwidgets.plot.lanes.ruler import Ruler
from patchwidgets.plot.shown import Shown


@dataclass(frozen=True)
class Named:
    """A box of what is patched, its name, and where the name begins; nothing if there is no room for it.

    `used` says that the patched run has something from this lane in it.
    """

    box: Box
    text: str
    left: float | None
    used: bool

    @property
    def inside(self) -> bool:
        """Whether the name stands in its box."""
        return self.left is not None and self.box.x <= self.left < self.box.x + self.box.w


def slim_names(shown: Shown, layout: Layout, lane: RunName, ruler: Ruler) -> list[Named]:
    """What is patched: each name in its box, or at its left, or at its right, where no other box or name is."""
    top, height = layout.lanes[lane].rows["resid_post"]
    named = dict[tuple[float, float], list[str]]()
    used, taken_cells = set[tuple[float, float]](), _used_cells(shown, lane)
    for cell, sites in changed_cells(shown).items():
        box = layout.box(lane, cell)
        named.setdefault((box.x, box.w), []).extend(short_name(site) for site in sites)
        if cell in taken_cells:
            used.add((box.x, box.w))
    boxes = {Box(x, top, w, height): names for (x, w), names in named.items()}
    taken = [(box.x - 1, box.x + box.w + 1) for box in boxes]
    found = list[Named]()
    for box, names in boxes.items():
        text = names[0] if len(names) == 1 else str(len(names))
        left = _left_of(text, box, taken, ruler)
        found.append(Named(box, text, left, (box.x, box.w) in used))
    return found


def _used_cells(shown: Shown, lane: RunName) -> set[Cell]:
    """The boxes that the patched run has from a lane."""
    if shown.path is not None:
        return {cell_of(shown.path.sender)} if lane == shown.source else set()
    return {cell_of(patch.site) for patch in shown.patches if taken_from(patch, shown) == lane}


def _left_of(text: str, box: Box, taken: list[tuple[float, float]], ruler: Ruler) -> float | None:
    width = ruler.width(text, NOTE, bold=True)
    if not text:
        return None
    if width + 4 <= box.w:
        return box.middle[0] - width / 2
    for left in (box.x - 4 - width, box.x + box.w + 4):
        right = left + width
        if left >= EDGE and not any(left < far and near < right for near, far in taken):
            taken.append((left, right))
            return left
    return None


def draw_slim(pen: Pen, shown: Shown, layout: Layout, lane: RunName, ground: str) -> None:
    """The stream with a node for each layer, and the boxes of what is patched."""
    colours, (top, height) = palette(), layout.lanes[lane].rows["resid_post"]
    hue, y = colours.runs[lane], top + height / 2
    end = layout.left + layout.n_layers * layout.pitch + 2
    line = Box(layout.left, y - 1.5, end - layout.left, 3)
    pen.box(line, Z["stream"], facecolor=blend(hue, 0.62, colours.paper))
    if layout.pitch > 6:
        nodes = np.array([(layout.layer_middle(i), y) for i in range(layout.n_layers)])
        style = {
            "markerfacecolor": colours.paper,
            "markeredgecolor": blend(hue, 0.75, colours.paper),
        }
        pen.marks(nodes, "o", 4.6, Z["stream"] + 0.2, markeredgewidth=1.1, **style)
    _draw_slim_boxes(pen, shown, layout, lane, ground)


def _draw_slim_boxes(pen: Pen, shown: Shown, layout: Layout, lane: RunName, ground: str) -> None:
    colours = palette()
    hue = colours.runs[lane]
    for named in slim_names(shown, layout, lane, pen.ruler):
        edge = colours.ink if named.used else hue
        filled = hue if named.used else ground
        style: dict[str, Any] = {"facecolor": filled, "edgecolor": edge, "linewidth": 1.8}
        pen.box(named.box, ARROWS + 0.1, rounded=2.0, **style)
        (x, y), text = named.box.middle, named.text
        if named.inside:
            inside = colours.paper if named.used else hue
            pen.text(x, y, text, NOTE, inside, ha="center", bold=True)
        elif named.left is not None:
            pen.text(named.left, y, text, NOTE, hue, bold=True, ground=ground)
