"""One run as a lane: its name, its prompt, its stream, and its output."""

from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.heads import draw_bars, draw_head
from patchwidgets.plot.lanes.layout import Box, Layout
from patchwidgets.plot.lanes.pen import Pen, Z, blend
from patchwidgets.plot.lanes.prompts import Lines
from patchwidgets.plot.lanes.sides import draw_name, draw_outputs
from patchwidgets.plot.lanes.slim import draw_slim
from patchwidgets.plot.lanes.tokens import draw_tokens
from patchwidgets.plot.shown import Lane, Shown

TINT = 0.06


def draw_lane(pen: Pen, shown: Shown, layout: Layout, lane: Lane, tokens: Lines) -> None:
    """Draw all of a lane but the patched lane's components."""
    colours, at = palette(), layout.lanes[lane]
    ground = blend(colours.runs[shown.prompt_of(lane)], TINT, colours.paper)
    edge = blend(colours.runs[lane], 0.6 if lane == "patched" else 0.38, colours.paper)
    box = Box(0.5, at.top, layout.width - 1, at.height)
    pen.box(box, Z["ground"], rounded=7.0, facecolor=ground, edgecolor=edge, linewidth=1.0)
    if layout.sides:
        draw_name(pen, shown, layout, lane)
        draw_outputs(pen, shown, layout, lane, ground)
    else:
        draw_head(pen, shown, layout, lane, ground)
        draw_bars(pen, shown, layout, lane, ground)
    draw_tokens(pen, shown, layout, lane, tokens, ground)
    if lane != "patched":
        draw_slim(pen, shown, layout, lane, ground)
