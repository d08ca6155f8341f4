"""What the marks in the patched lane mean: those that are there."""

import numpy as np

from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.cells import UNCHANGED, Moved
from patchwidgets.plot.lanes.layout import EDGE, LEGEND, LEGEND_LINE, NOTE, Box, Layout
from patchwidgets.plot.lanes.pen import GROUNDS, Pen, blend
from patchwidgets.plot.shown import Shown

SWATCH = (12.0, 9.0)


def marks_of(shown: Shown, moved: Moved) -> list[tuple[str, str, str]]:
    """The marks that are there: each with a short and a long name."""
    ablates = shown.only_ablates
    towards = "changed" if ablates else f"moved towards {shown.source}"
    marks = [
        (moved.moved, "fill", "changed" if ablates else "moved", towards),
        (moved.elsewhere, "ring", "elsewhere", "moved elsewhere"),
        (moved.zero, "dot", "exactly 0", "exactly unchanged"),
        (moved.beyond, "corner", "beyond", f"beyond {shown.source}"),
    ]
    return [(mark, name, long) for cells, mark, name, long in marks if cells.any()]


def draw_legend(pen: Pen, shown: Shown, layout: Layout, moved: Moved) -> None:
    """Draw it in the patched lane's name, or below the lanes where there is no room."""
    there = marks_of(shown, moved)
    if layout.legend is None:
        lane = layout.lanes["patched"]
        bottom = lane.top + lane.height - 6
        for i, (mark, short, _) in enumerate(reversed(there)):
            _draw_mark(
                pen,
                shown,
                EDGE + 2,
                bottom - (i + 0.5) * LEGEND_LINE,
                mark,
                short,
                small=moved.small,
            )
        return
    gaps = SWATCH[0] + 5 + 12
    wide = sum(pen.width(long, NOTE) + gaps for _, _, long in there) < layout.width - 2 * EDGE
    x, y = EDGE, layout.legend + LEGEND / 2 - 1
    for mark, short, long in there:
        text = long if wide else short
        if x + gaps + pen.width(text, NOTE) > layout.width:
            break
        _draw_mark(pen, shown, x, y, mark, text, small=moved.small)
        x += gaps + pen.width(text, NOTE)


def _draw_mark(
    pen: Pen, shown: Shown, x: float, y: float, mark: str, text: str, *, small: bool
) -> None:
    colours = palette()
    hue = colours.runs[shown.host]
    seep = colours.faint if shown.only_ablates else colours.runs[shown.source]
    w, h = SWATCH
    box = Box(x, y - h / 2, w, h)
    ground, edge = (
        blend(hue, 0.24 if small else 0.05, colours.paper),
        blend(hue, 0.55, colours.paper),
    )
    pen.box(box, GROUNDS, facecolor=ground, edgecolor=edge, linewidth=0.75)
    middle = np.array([box.middle])
    if mark == "fill":
        pen.box(Box(x, y, w, h / 2), GROUNDS + 0.1, facecolor=seep)
    elif mark == "ring":
        style = {"markerfacecolor": "none", "markeredgecolor": colours.ink}
        pen.marks(middle, "o", 5.0, GROUNDS + 0.1, markeredgewidth=0.9, **style)
    elif mark == "dot" and small:
        pen.box(box, GROUNDS + 0.1, facecolor=blend(hue, UNCHANGED, colours.paper))
    elif mark == "dot":
        pen.marks(middle, "o", 1.8, GROUNDS + 0.1, color=colours.faint)
    else:
        corner = np.array([(x + w - 2, y - h / 2 + 2)])
        pen.marks(corner, (3, 0, 45 + 180), 4.5, GROUNDS + 0.1, color=colours.ink)
    pen.text(x + w + 5, y, text, NOTE, colours.faint)
