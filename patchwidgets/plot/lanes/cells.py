"""The patched lane's components: a box for each, filled as far as the patch moved it towards the other run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.experiment.reach import Reach
from patchwidgets.plot.colours import Palette, palette
from patchwidgets.plot.lanes.layout import (
    NOTE,
    THICK,
    Box,
    Cell,
    Layout,
)
from patchwidgets.plot.lanes.names import name_layers, name_rows
from patchwidgets.plot.lanes.pen import Pen, Z, blend, corners_of
from patchwidgets.plot.lanes.places import changed_cells, path_cells, replaced_cells
from patchwidgets.plot.numbers import capped_percent
from patchwidgets.plot.shown import Shown

MANY_CELLS = 1500
"""With more, the boxes and their marks are one raster, also in a PDF."""
LEAST = 0.05
"""A component that moved less is drawn as not moved."""
SMALL = 3.6
"""A box of fewer pixels has neither edges nor a dot."""
UNCHANGED = 0.09
"""How much colour a small box has that is unchanged."""
FLAT = 8.0
"""A box that is less high is filled in whole, in a paler colour where it moved less."""


@dataclass(frozen=True, eq=False)
class Moved:
    """How far each box moved, layer by layer: its heads, attn_out and mlp_out."""

    boxes: Float[np.ndarray, "cell 4"]
    along: Float[np.ndarray, "cell"]
    size: Float[np.ndarray, "cell"]
    cos: Float[np.ndarray, "cell"]
    replaced: Bool[np.ndarray, "cell"]
    undirected: bool = False

    @property
    def small(self) -> bool:
        """Whether there is no room for anything within a box."""
        return bool(self.boxes[0, 2:].min() < SMALL)

    @cached_property
    def zero(self) -> Bool[np.ndarray, "cell"]:
        """Exactly unchanged."""
        return np.asarray((self.size == 0) & ~self.replaced)

    @cached_property
    def elsewhere(self) -> Bool[np.ndarray, "cell"]:
        """Moved much, but not towards the other run."""
        away = (self.size >= 0.5) & (self.cos < 0.3) & np.isfinite(self.along)
        return np.asarray(away & ~self.zero & ~self.replaced)

    @cached_property
    def moved(self) -> Bool[np.ndarray, "cell"]:
        """Moved towards the other run, or away from it."""
        enough = np.abs(np.nan_to_num(self.along)) >= LEAST
        return np.asarray(enough & ~self.zero & ~self.elsewhere & ~self.replaced)

    @cached_property
    def beyond(self) -> Bool[np.ndarray, "cell"]:
        """Moved further than to the other run; an ablation leads to none."""
        if self.undirected:
            return np.zeros_like(self.moved)
        return np.asarray(self.moved & (np.abs(np.nan_to_num(self.along)) > 1.05))


def moved_boxes(shown: Shown, reach: Reach | None, layout: Layout) -> Moved:
    """Every box of the patched lane, and how far it moved."""
    n_layers, n_heads = layout.n_layers, shown.experiment.model.n_heads
    boxes = np.empty((n_layers, n_heads + 2, 4))
    cells = [Cell("z", 0, head) for head in range(n_heads)]
    for i, cell in enumerate([*cells, Cell("attn_out", 0), Cell("mlp_out", 0)]):
        box = layout.box("patched", cell)
        boxes[:, i] = box.x, box.y, box.w, box.h
    boxes[..., 0] += np.arange(n_layers)[:, None] * layout.pitch
    grids = _grids(reach, shown.only_ablates, (n_layers, n_heads))
    replaced = np.zeros((n_layers, n_heads + 2), bool)
    for cell in replaced_cells(shown):
        column = {"z": cell.index, "attn_out": n_heads, "mlp_out": n_heads + 1}.get(cell.component)
        if column is not None:
            replaced[cell.layer, column] = True
    along, size, cos = (grids[name].ravel() for name in ("along", "size", "cos"))
    return Moved(
        boxes.reshape(-1, 4), along, size, cos, replaced.ravel(), undirected=shown.only_ablates
    )


def _grids(
    reach: Reach | None, undirected: bool, shape: tuple[int, int]
) -> dict[str, Float[np.ndarray, "layer cell"]]:
    """An ablation moves nothing towards the other run: there, how far each component moved in any direction."""

    def grid(name: str) -> Float[np.ndarray, "layer cell"]:
        parts: Mapping[str, np.ndarray] = {} if reach is None else getattr(reach, name)
        unknown = {"z": np.full(shape, np.nan), "attn_out": np.full(shape[0], np.nan)}
        z = parts.get("z", unknown["z"])
        others = [parts.get(each, unknown["attn_out"])[:, None] for each in ("attn_out", "mlp_out")]
        return np.concatenate([z, *others], axis=1)

    grids = {name: grid(name) for name in ("along", "size", "cos")}
    return (
        grids | {"along": grids["size"], "cos": np.ones_like(grids["cos"])} if undirected else grids
    )


def draw_cells(pen: Pen, shown: Shown, layout: Layout, reach: Reach | None, moved: Moved) -> None:
    """Draw the patched lane's boxes, stream and names."""
    colours = palette()
    hue = colours.runs[shown.host]
    seep = colours.faint if shown.only_ablates else colours.runs[shown.source]
    _draw_stream(pen, shown, layout, reach, (hue, seep))
    drawn = [
        *_draw_boxes(pen, moved, hue, colours),
        *_draw_fills(pen, moved, hue, seep),
        *_draw_marks(pen, moved, colours),
    ]
    for artist in drawn:
        artist.set_rasterized(len(moved.boxes) > MANY_CELLS)
    _write_in_boxes(pen, shown, moved, colours)
    _draw_rings(pen, shown, layout, seep, colours)
    name_rows(pen, shown, layout)
    name_layers(pen, shown, layout)


def _draw_boxes(pen: Pen, moved: Moved, hue: str, colours: Palette) -> list[Any]:
    """Many small boxes have no edges, which would be most of the ink, and no dots: what is unchanged is pale."""
    if not moved.small:
        edge = blend(hue, 0.55, colours.paper)
        width = 0.75 if moved.boxes[0, 2] > 5 else 0.4
        ground = blend(hue, 0.05, colours.paper)
        return [
            pen.boxes(moved.boxes, Z["boxes"], facecolor=ground, edgecolor=edge, linewidth=width)
        ]
    return [
        pen.boxes(moved.boxes[chosen], Z["boxes"], facecolor=blend(hue, part, colours.paper))
        for chosen, part in ((~moved.zero, 0.24), (moved.zero, UNCHANGED))
        if chosen.any()
    ]


def _draw_stream(
    pen: Pen, shown: Shown, layout: Layout, reach: Reach | None, colours: tuple[str, str]
) -> None:
    hue, seep = colours
    top, height = layout.lanes["patched"].rows["resid_post"]
    y, end = top + height / 2, layout.left + layout.n_layers * layout.pitch + 2
    paper = palette().paper
    line = Box(layout.left, y - THICK / 2, end - layout.left, THICK)
    pen.box(line, Z["stream"], rounded=THICK / 2, facecolor=blend(hue, 0.42, paper))
    nodes = [layout.layer_middle(layer) for layer in range(layout.n_layers)]
    moved = None if reach is None else (reach.size if shown.only_ablates else reach.along)
    stream = np.zeros(len(nodes)) if moved is None else np.nan_to_num(moved["resid_post"])
    flows = [
        (x, y + THICK / 2 - THICK * min(1.0, abs(along)), following - x, THICK * min(1.0, abs(along)))
        for x, following, along in zip(nodes, [*nodes[1:], end], stream, strict=True)
        if along >= LEAST
    ]  # fmt: skip
    if flows:
        pen.boxes(np.array(flows), Z["stream"] + 0.1, facecolor=seep)
    if layout.pitch > 7:
        at = np.column_stack([nodes, np.full(len(nodes), y)])
        style = {"markerfacecolor": paper, "markeredgecolor": blend(hue, 0.75, paper)}
        pen.marks(at, "o", 6, Z["stream"] + 0.2, markeredgewidth=1.25, **style)


def _draw_fills(pen: Pen, moved: Moved, hue: str, seep: str) -> list[Any]:
    """Towards the other run from below, away from it from above."""
    drawn = list[Any]()
    for away, colour in ((False, seep), (True, hue)):
        chosen = moved.moved & ((moved.along < 0) == away)
        if not away:
            chosen |= moved.replaced
        if not chosen.any():
            continue
        boxes = moved.boxes[chosen].copy()
        level = np.where(moved.replaced, 1.0, np.minimum(1.0, np.abs(moved.along)))[chosen]
        if boxes[0, 3] < FLAT:
            drawn.append(_flat(pen, boxes, 0.12 + 0.88 * level, colour))
            continue
        heights = boxes[:, 3] * level
        boxes[:, 1] += 0 if away else boxes[:, 3] - heights
        boxes[:, 3] = heights
        drawn.append(pen.boxes(boxes, Z["fills"], facecolor=colour))
    return drawn


def _flat(pen: Pen, boxes: Float[np.ndarray, "box 4"], level: np.ndarray, colour: str) -> Any:
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    # Mixed rather than transparent: what is printed in grey, or as a raster, is the same.
    paper = np.array(to_rgb(palette().paper))
    mixed = level[:, None] * np.array(to_rgb(colour)) + (1 - level[:, None]) * paper
    fills = PolyCollection(
        list(corners_of(boxes)), facecolors=mixed, edgecolors="none", zorder=Z["fills"]
    )
    pen.ax.add_artist(fills)
    return fills


def _draw_marks(pen: Pen, moved: Moved, colours: Palette) -> list[Any]:
    """A dot: exactly 0. A ring: moved elsewhere. A minus: away from the other run. A corner: beyond it."""
    drawn = list[Any]()
    middles = moved.boxes[:, :2] + moved.boxes[:, 2:] / 2
    height, width = moved.boxes[0, 3], moved.boxes[0, 2]
    away = moved.moved & (moved.along < 0)
    ring = {"markerfacecolor": "none", "markeredgecolor": colours.ink, "markeredgewidth": 0.9}
    for chosen, marker, size, style in (
        (moved.zero & (not moved.small), "o", min(1.8, 0.35 * height, 0.35 * width), {"color": colours.faint}),
        (moved.elsewhere, "o", min(5.2, 0.6 * height, 0.7 * width), ring),
        (away & (height >= 10), "_", min(6.0, 0.6 * width),
         {"color": colours.paper, "markeredgewidth": 1.5}),
    ):  # fmt: skip
        if chosen.any() and size > 0.4:
            drawn.append(pen.marks(middles[chosen], marker, size, Z["marks"], **style))
    if moved.beyond.any():
        boxes = moved.boxes[moved.beyond]
        side = min(4.0, height * 0.6, width * 0.6)
        right, top = boxes[:, 0] + boxes[:, 2], boxes[:, 1]
        corners = [
            np.array([(x, y), (x, y + side), (x - side, y)])
            for x, y in zip(right, top, strict=True)
        ]
        drawn.append(_triangles(pen, corners, colours.ink))
    return drawn


def _triangles(pen: Pen, corners: list[Float[np.ndarray, "3 2"]], colour: str) -> Any:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices = np.concatenate([np.concatenate([each, each[:1]]) for each in corners])
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(corners))
    patch = PathPatch(Path(vertices, codes), facecolor=colour, edgecolor="none", zorder=Z["marks"])
    pen.ax.add_artist(patch)
    return patch


def _write_in_boxes(pen: Pen, shown: Shown, moved: Moved, colours: Palette) -> None:
    """How far a box moved, where there is room."""
    room = pen.width("−100 %", NOTE)
    if moved.boxes[0, 2] < room or moved.boxes[0, 3] * pen.px < 1.25 * pen.ruler.size(NOTE):
        return
    for i in np.flatnonzero(moved.moved):
        x, y = Box(*moved.boxes[i]).middle
        written = capped_percent(float(moved.along[i]))
        if pen.width(written, NOTE) > moved.boxes[i, 2]:
            continue
        text = pen.text(x, y, written, NOTE, colours.ink, ha="center")
        text.set_bbox(
            {"facecolor": colours.paper, "edgecolor": "none", "alpha": 0.8, "pad": 0.6 * pen.px}
        )


def _draw_rings(pen: Pen, shown: Shown, layout: Layout, seep: str, colours: Palette) -> None:
    """Around what is patched; along a path around all of its parts."""
    path = shown.path
    cells = list(changed_cells(shown)) if path is None else path_cells(path, shown.experiment.model)
    filled = replaced_cells(shown)
    for cell in cells:
        if cell is None:
            continue
        box = layout.box("patched", cell)
        box = _at_least(box, 5.0)
        by = 0.5 if layout.pitch < 10 else 1.0
        around = Box(box.x - by, box.y - by, box.w + 2 * by, box.h + 2 * by)
        own = cell.component in ("z", "attn_out", "mlp_out") or cell not in filled
        pen.box(
            around, Z["rings"], rounded=2.0, edgecolor=colours.runs["patched"],
            linewidth=2.0 if layout.pitch >= 10 else 1.2, facecolor="none" if own else seep,
            linestyle="--" if path is not None and cell == cells[0] else "-",
        )  # fmt: skip


def _at_least(box: Box, side: float) -> Box:
    """A box, or a larger one around its middle."""
    w, h = max(box.w, side), max(box.h, side)
    x, y = box.middle
    return Box(x - w / 2, y - h / 2, w, h)
