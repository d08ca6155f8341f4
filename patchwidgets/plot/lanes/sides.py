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
from patchwidgets.plot.lanes.slim import slim_names
from patchwidgets.plot.lanes.words import metric_of, role_of
from patchwidgets.plot.shown import LANES, Lane, Shown

MOST_LINES, MOST_METRIC_LINES, MOST_TOKENS = 8, 2, 5
APART = 6.0


def side_lines(shown: Shown, lane: Lane, layout: Layout, ruler: Ruler) -> list[str]:
    """What the run is; beside the names of rows, or of what is patched at the beginning, there is less room."""
    room = NAMES - 10 if lane == "patched" else NAMES + 20
    if lane != "patched":
        named = slim_names(shown, layout, lane, ruler)
        begins = [each.left for each in named if each.left is not None]
        room = min([room, *(left - APART - EDGE - 2 for left in begins)])
    return ruler.lines(role_of(shown, lane, in_lines=True), NOTE, room, MOST_LINES)


def metric_lines(shown: Shown, ruler: Ruler) -> list[str]:
    """The name of the metric, in as many lines as it needs beside the widest of its three numbers."""
    label, _ = metric_of(shown, "patched")
    numbers = [metric_of(shown, lane)[1] for lane in LANES]
    room = OUTPUTS - 12 - APART - max(ruler.width(each, TYPE, bold=True) for each in numbers)
    return ruler.lines(label, NOTE, room, MOST_METRIC_LINES)


def draw_name(pen: Pen, shown: Shown, layout: Layout, lane: Lane) -> None:
    """Draw the name, and what the run is."""
    colours, at = palette(), layout.lanes[lane]
    pen.text(EDGE + 2, at.top + 13, lane.capitalize(), TYPE, colours.runs[lane], bold=True)
    for i, line in enumerate(side_lines(shown, lane, layout, pen.ruler)):
        pen.text(EDGE + 2, at.top + 29 + i * ROLE_LINE, line, NOTE, colours.faint)


def draw_outputs(pen: Pen, shown: Shown, layout: Layout, lane: Lane, ground: str) -> None:
    """Draw the metric, and as many bars of the next tokens as there is room for."""
    colours, at = palette(), layout.lanes[lane]
    left, room = layout.width - OUTPUTS + 2, OUTPUTS - 12
    for i, line in enumerate(metric_lines(shown, pen.ruler)):
        pen.text(left, at.top + 13 + i * ROLE_LINE, line, NOTE, colours.faint)
    _, value = metric_of(shown, lane)
    pen.text(left + room, at.top + 13, value, TYPE, colours.runs[lane], ha="right", bold=True)
    bars = at.top + 24 + (layout.lines.metric - 1) * ROLE_LINE
    rows = max(1, int((at.top + at.height - bars - 2) / (BAR + 1)))
    tokens = shown.tokens[lane][: min(rows, MOST_TOKENS)]
    for i, token in enumerate(tokens):
        box = Box(left, bars + i * (BAR + 1), room, BAR - 2)
        draw_bar(pen, lane, box, token, ground)
    if shown.of_what and len(tokens) < rows:
        y = bars + (len(tokens) + 0.5) * (BAR + 1)
        whose = pen.fitting(f"next tokens: {shown.which_pair}", NOTE, room)
        pen.text(left, y, whose, NOTE, colours.faint)
