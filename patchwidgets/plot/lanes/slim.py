"""The stream of an unpatched run, with the boxes of what is patched."""

import numpy as np

from patchwidgets.directions import RunName
from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.layout import EDGE, NOTE, Box, Layout
from patchwidgets.plot.lanes.pen import ARROWS, Pen, Z, blend
from patchwidgets.plot.lanes.places import changed_cells, short_name, taken_from
from patchwidgets.plot.shown import Shown


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
    used = shown.path is not None and lane == shown.source
    used |= any(taken_from(patch, shown) == lane for patch in shown.patches)
    top, height = layout.lanes[lane].rows["resid_post"]
    named = dict[tuple[float, float], list[str]]()
    for cell, sites in changed_cells(shown).items():
        box = layout.box(lane, cell)
        named.setdefault((box.x, box.w), []).extend(short_name(site) for site in sites)
    boxes = {Box(x, top, w, height): names for (x, w), names in named.items()}  # fmt: skip
    taken = [(box.x - 1, box.x + box.w + 1) for box in boxes]
    for box, names in boxes.items():
        edge = colours.ink if used else hue
        filled = hue if used else ground
        pen.box(box, ARROWS + 0.1, rounded=2.0, facecolor=filled, edgecolor=edge, linewidth=1.8)
        text = names[0] if len(names) == 1 else str(len(names))
        _name_slim_box(pen, box, text, taken, (colours.paper if used else hue, hue, ground))


def _name_slim_box(
    pen: Pen, box: Box, text: str, taken: list[tuple[float, float]], colours: tuple[str, str, str]
) -> None:
    """Inside its box, or at its left, or at its right; nothing where another box or name is."""
    inside, beside, ground = colours
    width = pen.width(text, NOTE, bold=True)
    if not text:
        return
    if width + 4 <= box.w:
        pen.text(box.middle[0], box.middle[1], text, NOTE, inside, ha="center", bold=True)
        return
    for left in (box.x - 4 - width, box.x + box.w + 4):
        right = left + width
        if left < EDGE or any(left < far and near < right for near, far in taken):
            continue
        taken.append((left, right))
        pen.text(left, box.middle[1], text, NOTE, beside, bold=True, ground=ground)
        return
