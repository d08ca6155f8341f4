"""Where lanes, layers and boxes lie, as in the explorer's `js/src/layout`; in its pixels, 13 of them the type's size.

All layers are shown, and all heads of a layer stand in one column: a figure cannot be scrolled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from patchwidgets.plot.shown import LANES, Lane

TYPE, NOTE, TOKEN = 13.0, 11.0, 12.0
"""The sizes of names, of notes and of tokens."""

SIDES = 690.0
"""From this width on, the names of lanes and their outputs stand at their sides."""
EDGE = 8.0
NAMES, ROWS, OUTPUTS = 96.0, 44.0, 168.0
"""The widths at the left of a lane, for its name and the names of its rows, and at its right."""

HEAD, HEAD_LINE, TOKEN_LINE, BAR, GAP = 24.0, 15.0, 20.0, 19.0, 4.0
"""The heights of a lane's head and of its further lines, of a line of tokens, of a bar; and between lanes."""
ROLE_LINE = 14.0
"""Of what the run is, at the side of a lane."""
LAYER_AXIS = 15.0
SLIM = 20.0
"""The height of a lane's drawing that shows the stream alone."""
LEGEND, LEGEND_LINE = 20.0, 14.0
"""The height of the legend below the lanes, and of each of its marks at the side."""
HIGHEST_CELL, WIDEST_CELL = 18.0, 72.0
HEADS_HEIGHT = 96.0
"""Of the heads of a layer, up to 16; more get somewhat more."""
THICK = 8.0
"""Of the patched lane's stream."""


@dataclass(frozen=True)
class Box:
    """A rectangle, with y downwards."""

    x: float
    y: float
    w: float
    h: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.x + self.w / 2, self.y + self.h / 2


@dataclass(frozen=True)
class Cell:
    """What a layer draws once; a head has its index."""

    component: str
    layer: int
    index: int | None = None


@dataclass(frozen=True)
class Lengths:
    """How many lines the tokens of each lane take, what the runs are, and at the side the metric and the legend."""

    tokens: int = 1
    head: Mapping[Lane, int] = field(default_factory=lambda: dict.fromkeys(LANES, 1))
    metric: int = 1
    legend: int = 0


@dataclass(frozen=True)
class LaneLayout:
    """Where a lane has its parts.

    Attributes
    ----------
    top, height
        Of the whole lane.
    tokens
        The top of its tokens.
    drawing
        The top of its drawing.
    rows
        By component, the top and the height of its boxes; of heads those of the first one.
    row_pitch
        From head to head.
    bars
        The top of the bars below the drawing, and how many stand side by side; none at the side.
    """

    top: float
    height: float
    tokens: float
    drawing: float
    rows: Mapping[str, tuple[float, float]]
    row_pitch: float
    bars: tuple[float, int] | None = None


@dataclass(frozen=True)
class Layout:
    """Where everything lies, in pixels; `px` of which are a point each."""

    px: float
    width: float
    sides: bool
    lines: Lengths
    n_layers: int
    left: float
    body: float
    pitch: float
    head_left: float
    head_width: float
    channel: float
    lanes: Mapping[Lane, LaneLayout]
    height: float
    legend: float | None

    def layer_left(self, layer: int) -> float:
        """Where a layer begins."""
        return self.left + layer * self.pitch

    def layer_middle(self, layer: int) -> float:
        """The middle of a layer's boxes."""
        return self.layer_left(layer) + self.head_left + self.head_width / 2

    def box(self, lane: Lane, cell: Cell) -> Box:
        """A cell's box. In a slim lane all cells of a layer stand at the same height."""
        at = self.lanes[lane]
        y, h = at.rows[cell.component]
        if cell.component == "embed":
            return Box(self.left - 3, y, 4, h)
        if cell.component == "resid_mid":
            gap = min(10.0, self.pitch - self.head_width)
            return Box(self.layer_left(cell.layer) + self.head_left - gap / 2 - 2, y, 4, h)
        if cell.component == "resid_post":
            w = min(12.0, max(5.0, self.head_width))
            return Box(self.layer_middle(cell.layer) - w / 2, y, w, h)
        down = (cell.index or 0) * at.row_pitch if cell.component == "z" else 0.0
        return Box(self.layer_left(cell.layer) + self.head_left, y + down, self.head_width, h)


def layout_of(
    width: float,
    px: float,
    n_layers: int,
    n_heads: int,
    lines: Lengths | None = None,
    stretch: float = 0.0,
) -> Layout:
    """Lay out the lanes.

    Parameters
    ----------
    width
        In pixels.
    px
        Points of a pixel.
    lines
        Lines of text in the lanes; by default one of each.
    stretch
        Pixels that heads are higher than they need be.
    """
    sides = width >= SIDES
    left = 1 + EDGE + ROWS + (NAMES if sides else 0)
    body = max(60.0, width - left - EDGE - (OUTPUTS if sides else 0))
    pitch = min(body / n_layers, WIDEST_CELL * 3.2)
    head_width = min(pitch * 0.66, WIDEST_CELL)
    head_left = min(4.0, pitch * 0.06)
    channel = head_left + head_width + min(9.0, max(pitch * 0.17, (pitch - head_width) * 0.5))
    lanes, y = dict[Lane, LaneLayout](), 0.5
    for lane in LANES:
        lanes[lane] = _lane(lane, y, width, n_heads, sides, lines or Lengths(), stretch)
        y += lanes[lane].height + GAP
    legend = None if sides else y
    return Layout(
        px, width, sides, lines or Lengths(), n_layers, left, body, pitch, head_left, head_width, channel, lanes,
        y - GAP + 0.5 if sides else y + LEGEND, legend,
    )  # fmt: skip


def _lane(
    lane: Lane, top: float, width: float, n_heads: int, sides: bool, lines: Lengths, stretch: float
) -> LaneLayout:
    tokens = top + 2 + (0 if sides else HEAD + (lines.head[lane] - 1) * HEAD_LINE)
    drawing = tokens + lines.tokens * TOKEN_LINE
    names = 24 + lines.head[lane] * ROLE_LINE + 4 if sides else 0.0
    outputs = 24 + (lines.metric - 1) * ROLE_LINE + BAR + 1 if sides else 0.0
    if lane != "patched":
        return _slim(top, tokens, drawing, max(names, outputs))
    heads = HEADS_HEIGHT + 2 * min(max(0, n_heads - 16), 48) + stretch
    pitch = min(HIGHEST_CELL + 2 + stretch / n_heads, heads / n_heads)
    gap = 2.0 if pitch >= 9 else 1.25 if pitch >= 5 else 0.75 if pitch >= 3 else pitch * 0.2
    height = pitch - gap
    other = min(HIGHEST_CELL, max(9.0, height))
    # The name of the first head stands below that of the layers.
    z = drawing + LAYER_AXIS + (1 if pitch >= 9 else 5)
    attn = z + n_heads * pitch + 3
    mlp = attn + other + 3
    resid = mlp + other + 5
    rows = {
        "z": (z, height),
        "attn_out": (attn, other),
        "mlp_out": (mlp, other + 2),
        "resid_mid": (resid, 12.0),
        "resid_post": (resid, 12.0),
        "embed": (resid, 12.0),
    }
    end = resid + 12 + 3
    if sides:
        least = names + lines.legend * LEGEND_LINE + 4
        return LaneLayout(top, max(end - top + 2, least), tokens, drawing, rows, pitch)
    columns = max(1, min(5, int((width - 2 * EDGE) / 118)))
    return LaneLayout(top, end - top + BAR + 4, tokens, drawing, rows, pitch, (end, columns))


def _slim(top: float, tokens: float, drawing: float, least: float) -> LaneLayout:
    components = ("z", "attn_out", "mlp_out", "resid_mid", "resid_post", "embed")
    rows = dict.fromkeys(components, (drawing + 2, SLIM - 5))
    return LaneLayout(top, max(drawing + SLIM + 2 - top, least), tokens, drawing, rows, 0.0)


def axis_step(pitch: float) -> int:
    """Layers are named every so many."""
    return next((step for step in (1, 2, 5, 10) if step * pitch >= 22), 20)
