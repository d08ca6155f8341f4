"""A next token as a bar of its probability."""

import numpy as np

from patchwidgets.models.top_tokens import TopToken
from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.layout import NOTE, TOKEN, Box
from patchwidgets.plot.lanes.pen import Pen, Z, blend
from patchwidgets.plot.numbers import probability
from patchwidgets.plot.shown import Lane
from patchwidgets.tokens import visible


def draw_bar(pen: Pen, lane: Lane, box: Box, token: TopToken, ground: str) -> None:
    """Draw the token, its probability, and the bar behind them; a box is 100 % wide. Arrows pass behind the number."""
    colours = palette()
    part = 0.0 if np.isnan(token.prob) else token.prob
    filled = Box(box.x, box.y, max(1.0, box.w * part), box.h)
    tone = blend(colours.runs[lane], 0.25, colours.paper)
    pen.box(filled, Z["boxes"], facecolor=tone).set_gid(f"{lane} output")
    number = probability(token.prob)
    room = box.w - pen.width(number, NOTE) - 12
    name = pen.fitting(visible(token.token), TOKEN, room, mono=True)
    y, ends = box.middle[1], box.x + box.w - 3
    # Where the bar ends under the number, a ground would make it look longer, or shorter.
    bar_end, begins = filled.x + filled.w, ends - pen.width(number, NOTE)
    behind = ground if bar_end < begins else tone if bar_end > ends + 1 else None
    pen.text(box.x + 4, y, name, TOKEN, colours.ink, mono=True)
    pen.text(ends, y, number, NOTE, colours.ink, ha="right", ground=behind)
