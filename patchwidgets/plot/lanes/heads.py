"""A narrow lane's name, output and what its run is over its prompt, and bars of the next tokens under it."""

from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.bar import draw_bar
from patchwidgets.plot.lanes.layout import (
    BAR,
    EDGE,
    HEAD,
    HEAD_LINE,
    NOTE,
    TOKEN,
    TYPE,
    Box,
    Layout,
)
from patchwidgets.plot.lanes.pen import Pen
from patchwidgets.plot.lanes.ruler import Ruler
from patchwidgets.plot.lanes.words import metric_of, role_of
from patchwidgets.plot.numbers import probability
from patchwidgets.plot.shown import Lane, Shown
from patchwidgets.plot.texts import short
from patchwidgets.tokens import visible

LONGEST_LABEL, LONGEST_TOKEN = 24, 14
"""Letters of a metric and of a next token in one line with a lane's name."""
MOST_LINES = 3
APART = 10.0


def head_lines(shown: Shown, lane: Lane, ruler: Ruler, width: float) -> list[str]:
    """What a run is: one line beside its name, or several below it."""
    role = role_of(shown, lane, in_lines=False)
    left, right = _name_end(lane, ruler), _output_start(shown, lane, ruler, width)
    if left + ruler.width(role, NOTE) + APART <= right:
        return [role]
    return ["", *ruler.lines(role, NOTE, width - 2 * EDGE - 4, MOST_LINES)]


def _name_end(lane: Lane, ruler: Ruler) -> float:
    return EDGE + 2 + ruler.width(lane.capitalize(), TYPE, bold=True) + APART


def _output_start(shown: Shown, lane: Lane, ruler: Ruler, width: float) -> float:
    start = width - EDGE - 1
    for text, pixels, mono in _outputs(shown, lane):
        bold = pixels == TYPE
        start -= ruler.width(text, pixels, bold=bold, mono=mono) + (APART if pixels == NOTE else 5)
    return start


def _outputs(shown: Shown, lane: Lane) -> list[tuple[str, float, bool]]:
    """From right to left: text, size and whether in tokens' type; of the patched run bars tell the tokens."""
    label, value = metric_of(shown, lane)
    metric = [(value, TYPE, False), (short(label, LONGEST_LABEL), NOTE, False)]
    if lane == "patched":
        return metric
    first = shown.tokens[lane][0]
    token = short(visible(first.token), LONGEST_TOKEN)
    return [*metric, (f"{token} {probability(first.prob)}", TOKEN, True)]


def draw_head(pen: Pen, shown: Shown, layout: Layout, lane: Lane, ground: str) -> None:
    """Draw the name, what the run is, its next token and its metric."""
    colours, at = palette(), layout.lanes[lane]
    y = at.top + HEAD / 2 + 1
    pen.text(EDGE + 2, y, lane.capitalize(), TYPE, colours.runs[lane], bold=True, ground=ground)
    right, first_free = layout.width - EDGE - 1, _name_end(lane, pen.ruler)
    for text, pixels, mono in _outputs(shown, lane):
        bold = pixels == TYPE
        colour = colours.runs[lane] if bold else colours.ink if mono else colours.faint
        room = right - first_free
        if mono and pen.width(text, pixels, mono=True) > room:
            text = text.partition(" ")[0]  # half a probability would be another one
        fits = pen.fitting(text, pixels, room, bold=bold, mono=mono)
        pen.text(
            right, y, fits, pixels, colour, ha="right", bold=bold, mono=mono, ground=ground
        )  # fmt: skip
        right -= pen.width(fits, pixels, bold=bold, mono=mono) + (APART if pixels == NOTE else 5)
    beside, *below = head_lines(shown, lane, pen.ruler, layout.width)
    if beside:
        pen.text(first_free, y, beside, NOTE, colours.faint, ground=ground)
    for i, line in enumerate(below):
        under = at.top + HEAD + (i + 0.5) * HEAD_LINE - 1
        pen.text(EDGE + 2, under, line, NOTE, colours.faint, ground=ground)


def draw_bars(pen: Pen, shown: Shown, layout: Layout, lane: Lane, ground: str) -> None:
    """Draw bars of the next tokens, side by side."""
    bars = layout.lanes[lane].bars
    if bars is None:
        return
    top, columns = bars
    pitch = (layout.width - 2 * EDGE + 14) / columns
    for i, token in enumerate(shown.tokens[lane][:columns]):
        box = Box(EDGE + i * pitch, top + 1, pitch - 14, BAR - 2)
        draw_bar(pen, lane, box, token, ground)
