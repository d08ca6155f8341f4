"""Where the boxes and arrows of a graph of components lie, at the largest type that fits. In points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from patchwidgets.plot.graph import Box, Graph
from patchwidgets.plot.layered import Placed, place, widened
from patchwidgets.plot.routes import Corner, Rectangle
from patchwidgets.plot.texts import literal, text_width

GAP, LANE, PAD, TAB = 1.0, 0.7, 0.55, 1.15
"""In sizes of the type: between boxes, for an arrow, around a text, and the height of a ``q``."""
ROW_GAPS = (2.6, 2.0, 1.4)
"""Between rows, in sizes of the type: the first that fits."""
WIDEST_GAP = 6.0
"""The same where there is room to spare."""
BOX = 1.75
"""The height of a box in sizes of the type."""
FEWEST_POINTS = 1.0


@dataclass(frozen=True)
class Geometry:
    """Where boxes and arrows lie, in points from the lower left corner, at one size of the type."""

    size: float
    row_gap: float
    width: float
    height: float
    placed: Placed
    widths: dict[str, float]
    tabs: dict[str, list[str]]
    bottom: dict[str, float]
    """Of each box, without its tabs."""
    row_ends: list[tuple[float, float]]

    def tab_at(self, name: str, part: str) -> tuple[float, float]:
        """The middle and the width of what of a box reads an arrow."""
        tabs = self.tabs.get(name, [])
        if part not in tabs:
            return self.placed.x[name], 0.7 * self.widths[name]
        each = [tab_width(tab, self.size) for tab in tabs]
        at = tabs.index(part)
        left = self.placed.x[name] - sum(each) / 2 + sum(each[:at])
        return left + each[at] / 2, 0.6 * each[at]


def tab_width(part: str, size: float) -> float:
    """The width of a ``q`` below a box."""
    return text_width(part, 0.9 * size) + PAD * size


def _box_width(box: Box, tabs: Sequence[str], size: float) -> float:
    tabs_together = sum(tab_width(tab, size) for tab in tabs)
    return max(text_width(literal(box.text), size) + 2 * PAD * size, tabs_together)


def fitted(graph: Graph, size: float, width: float, height: float) -> Geometry:
    """Return the geometry with the largest type that fits, up to `size`; rows come nearer before type gets smaller."""
    gaps = ROW_GAPS if graph.arrows else ROW_GAPS[-1:]
    for gap in gaps:
        geometry = _geometry(graph, size, width, gap)
        if geometry.height <= height * 1.001:
            break
    while geometry.size > FEWEST_POINTS and (
        geometry.width > width * 1.001 or geometry.height > height * 1.001
    ):
        geometry = _geometry(graph, 0.94 * geometry.size, width, gaps[-1])
    return geometry


def stretched(graph: Graph, geometry: Geometry, height: float) -> Geometry:
    """Return the geometry with its rows further apart, if there is room."""
    n_gaps = max(1, len(geometry.placed.rows) - 1)
    gap = geometry.row_gap + (height - geometry.height) / n_gaps / geometry.size
    return _geometry(graph, geometry.size, geometry.width, min(gap, WIDEST_GAP))


def _geometry(graph: Graph, size: float, width: float, row_gap: float) -> Geometry:
    tabs: dict[str, list[str]] = {}
    for arrow in graph.arrows:
        if arrow.part:
            tabs[arrow.end] = sorted({*tabs.get(arrow.end, []), arrow.part}, key=_tab_order)
    boxes = graph.boxes
    widths = {name: _box_width(box, tabs.get(name, []), size) for name, box in boxes.items()}
    placed = place(
        [[box.name for box in row] for row in graph.rows], widths,
        [(arrow.start, arrow.end) for arrow in graph.arrows], width, GAP * size, LANE * size,
    )  # fmt: skip
    y, bottom = 0.0, dict[str, float]()
    row_ends = []
    for row in placed.rows:
        tab = TAB * size if any(tabs.get(name) for name in row) else 0.0
        bottom |= dict.fromkeys(row, y + tab)
        row_ends.append((y, y + tab + BOX * size))
        y += tab + BOX * size + row_gap * size
    placed, widest = widened(placed, widths, width)
    return Geometry(
        size, row_gap, widest, y - row_gap * size, placed, widths, tabs, bottom, row_ends
    )


def _tab_order(part: str) -> tuple[int, str]:
    return "qkv".find(part[:1]), part


def curves_of(graph: Graph, geometry: Geometry) -> list[list[Corner]]:
    """Where each arrow leads: arrows at one box lie beside each other, in the order of where they come from."""
    placed, bends = geometry.placed, geometry.placed.bends
    next_x = [b[0] if b else placed.x[a.end] for a, b in zip(graph.arrows, bends, strict=True)]
    last_x = [b[-1] if b else placed.x[a.start] for a, b in zip(graph.arrows, bends, strict=True)]
    starts = [
        (a.start, "", placed.x[a.start], 0.7 * geometry.widths[a.start]) for a in graph.arrows
    ]
    ends = [(a.end, a.part, *geometry.tab_at(a.end, a.part)) for a in graph.arrows]
    start_x, end_x = _side_by_side(starts, next_x), _side_by_side(ends, last_x)
    row_of = {name: i for i, row in enumerate(placed.rows) for name in row}
    curves = []
    for i, arrow in enumerate(graph.arrows):
        corners = [(start_x[i], geometry.row_ends[row_of[arrow.start]][1])]
        for row, x in enumerate(bends[i], row_of[arrow.start] + 1):
            corners += [(x, y) for y in geometry.row_ends[row]]
        has_tabs = bool(geometry.tabs.get(arrow.end))
        below = TAB * geometry.size if has_tabs and arrow.part else 0.0
        corners.append((end_x[i], geometry.bottom[arrow.end] - below))
        curves.append(corners)
    return curves


def _side_by_side(
    ends: Sequence[tuple[str, str, float, float]], towards: Sequence[float]
) -> Float[np.ndarray, "arrow"]:
    """Spread the ends of arrows at one place over its width."""
    places: dict[tuple[str, str], list[int]] = {}
    for i, (name, part, _, _) in enumerate(ends):
        places.setdefault((name, part), []).append(i)
    x = np.empty(len(ends))
    for there in places.values():
        for k, i in enumerate(sorted(there, key=lambda i: towards[i])):
            _, _, middle, width = ends[i]
            x[i] = middle + width * ((k + 0.5) / len(there) - 0.5)
    return x


def rectangle(name: str, geometry: Geometry) -> Rectangle:
    """What a box takes, with its tabs."""
    x, half, y = geometry.placed.x[name], geometry.widths[name] / 2, geometry.bottom[name]
    tab = TAB * geometry.size if geometry.tabs.get(name) else 0.0
    return x - half, y - tab, x + half, y + BOX * geometry.size
