"""What is spliced in: arrows from the lane of its run into the patched lane, and the line of a path."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from patchwidgets.directions import RunName
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.layout import THICK, Box, Cell, Layout
from patchwidgets.plot.lanes.pen import ARROWS, Pen, Points
from patchwidgets.plot.lanes.places import cell_of, path_cells, taken_from
from patchwidgets.plot.shown import Shown

MOST_ARROWS = 16
"""Of more patches the boxes alone are drawn."""
TIP = 6.5


def draw_arrows(pen: Pen, shown: Shown, layout: Layout) -> None:
    """Draw where patched values come from, or the path."""
    if shown.path is not None:
        boxes = [_end_of(layout, each) for each in path_cells(shown.path, shown.experiment.model)]
        for before, after in pairwise(boxes):
            _draw(pen, *_between(layout, before, after), gid="path")
        return
    taken = [(taken_from(patch, shown), cell_of(patch.site)) for patch in shown.patches]
    copied = [(lane, cell) for lane, cell in dict.fromkeys(taken) if lane is not None]
    if len(copied) > MOST_ARROWS:
        return
    for lane, cell in copied:
        _draw(pen, *splice(layout, lane, cell), gid="splice")


def splice(layout: Layout, lane: RunName, cell: Cell) -> tuple[Points, Sequence[Any]]:
    """Out of the box of a run, along the gap after its layer, into the patched box.

    What stands in the gap before its layer is reached straight.
    """
    with Uninterrupted():
        from matplotlib.path import Path

    a, b = layout.box(lane, cell), layout.box("patched", cell)
    (x, y1), (_, y2) = a.middle, b.middle
    down = 1 if y2 > y1 else -1
    if cell.component in ("embed", "resid_mid"):
        ends = [(x, y1 + down * a.h / 2), (x, y2 - down * (b.h / 2 + 1.5))]
        return ends, [Path.MOVETO, Path.LINETO]
    gap = layout.layer_left(cell.layer) + layout.channel
    x1, x2 = a.x + a.w, b.x + b.w + 1.5
    r = min(8.0, max(0.0, gap - x2 - 1))
    points = [
        (x1, y1), (gap - r, y1), (gap, y1), (gap, y1 + down * r), (gap, y2 - down * r), (gap, y2),
        (gap - r, y2), (x2, y2),
    ]  # fmt: skip
    codes = [
        Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3,
        Path.LINETO,
    ]  # fmt: skip
    return points, codes


def _end_of(layout: Layout, cell: Cell | None) -> Box:
    """The box of a part of a path; the logits are read at the end of the patched lane's stream."""
    if cell is not None:
        return layout.box("patched", cell)
    top, height = layout.lanes["patched"].rows["resid_post"]
    x = layout.left + layout.n_layers * layout.pitch + 4
    return Box(x, top + height / 2 - THICK / 2, 2, THICK)


def _between(layout: Layout, start: Box, end: Box) -> tuple[Points, Sequence[Any]]:
    with Uninterrupted():
        from matplotlib.path import Path

    (_, y1), (_, y2) = start.middle, end.middle
    x1, x2 = start.x + start.w + 1, end.x - 2
    bend = max(12.0, (x2 - x1) / 2)
    points = [(x1, y1), (x1 + bend, y1), (x2 - bend, y2), (x2, y2)]
    return points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]


def _draw(pen: Pen, points: Points, codes: Sequence[Any], gid: str) -> None:
    """A line with a light seam, so that it is seen over boxes, and a tip at its end that has the `gid`."""
    with Uninterrupted():
        from matplotlib.patches import PathPatch, Polygon
        from matplotlib.path import Path

    colours = palette()
    path = Path(points, codes)
    for colour, width, alpha, z in (
        (colours.paper, 4.5, 0.85, ARROWS - 0.1),
        (colours.runs["patched"], 1.8, 1.0, ARROWS),
    ):
        pen.ax.add_artist(
            PathPatch(
                path, facecolor="none", edgecolor=colour, linewidth=width * pen.px, alpha=alpha,
                zorder=z, capstyle="butt", joinstyle="round",
            )
        )  # fmt: skip
    (bx, by), (x, y) = points[-2], points[-1]
    length = max(1e-6, ((x - bx) ** 2 + (y - by) ** 2) ** 0.5)
    dx, dy = (x - bx) / length, (y - by) / length
    back = (x - TIP * dx, y - TIP * dy)
    side = TIP * 0.48
    tip = Polygon(
        [(x, y), (back[0] - side * dy, back[1] + side * dx), (back[0] + side * dy, back[1] - side * dx)],
        facecolor=colours.runs["patched"], edgecolor="none", zorder=ARROWS,
    )  # fmt: skip
    tip.set_gid(gid)
    pen.ax.add_artist(tip)
