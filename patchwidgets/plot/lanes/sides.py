"""The sides of a wide lane: its name at the left, its metric and its next tokens at the right."""

from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.bar import draw_bar
from patchwidgets.plot.lanes.layout import (
    BAR,
    EDGE,
    NAMES,
    NOTE,
    OUTPUTS,
    ROLE_LINE,
    TYPE,
    Box,
    Layout,
)
from patchwidgets.plot.lanes.pen import Pen
from patchwidgets.plot.lanes.ruler import Ruler
from patchwidgets.plot.lanes.words import metric_of, role_of
from patchwidgets.plot.shown import Lane, Shown

MOST_LINES, MOST_TOKENS = 8, 5


def side_lines(shown: Shown, lane: Lane, ruler: Ruler) -> list[str]:
    """What the run is; beside the names of rows there is less room."""
    room = NAMES - 10 if lane == "patched" else NAMES + 20
    return ruler.lines(role_of(shown, lane, in_lines=True), NOTE, room, MOST_LINES)


def draw_name(pen: Pen, shown: Shown, layout: Layout, lane: Lane) -> None:
    """Draw the name, and what the run is."""
    colours, at = palette(), layout.lanes[lane]
    pen.text(EDGE + 2, at.top + 13, lane.capitalize(), TYPE, colours.runs[lane], bold=True)
    for i, line in enumerate(side_lines(shown, lane, pen.ruler)):
        pen.text(EDGE + 2, at.top + 29 + i * ROLE_LINE, line, NOTE, colours.faint)


def draw_outputs(pen: Pen, shown: Shown, layout: Layout, lane: Lane) -> None:
    """Draw the metric, and as many bars of the next tokens as there is room for."""
    colours, at = palette(), layout.lanes[lane]
    left, room = layout.width - OUTPUTS + 2, OUTPUTS - 12
    label, value = metric_of(shown, lane)
    label = pen.fitting(label, NOTE, room - pen.width(value, TYPE, bold=True) - 6)
    pen.text(left, at.top + 13, label, NOTE, colours.faint)
    pen.text(left + room, at.top + 13, value, TYPE, colours.runs[lane], ha="right", bold=True)
    rows = max(1, int((at.height - 26) / (BAR + 1)))
    tokens = shown.tokens[lane][: min(rows, MOST_TOKENS)]
    for i, token in enumerate(tokens):
        box = Box(left, at.top + 24 + i * (BAR + 1), room, BAR - 2)
        draw_bar(pen, lane, box, token)
    if shown.of_what and len(tokens) < rows:
        y = at.top + 24 + (len(tokens) + 0.5) * (BAR + 1)
        whose = pen.fitting(f"next tokens: {shown.which_pair}", NOTE, room)
        pen.text(left, y, whose, NOTE, colours.faint)
