"""Names of points that do not overlap. Costs some microseconds for each name and point."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.plot.axes import stroke
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import literal, note_size, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHRINKS_TO, GROWS_TO = 0.85, 1.15
"""Between which parts of their size axes will be, when the figure's layout has found room for labels."""
BESIDE = 4.0
"""Points from the middle of a dot to its name."""
HALF_DOT = 2.5
"""Points from the middle of a dot to its edge, as names that stay clear of it see it."""
ON_A_LINE = 50
STEPS, NEAR = 4, 24
"""Steps of which a line is high, and how many of them a name moves to cover no dot."""

Boxes = Float[np.ndarray, "box 4"]
"""Left, right, bottom and top of each, in points from the point that is named."""


def name_points(
    ax: "Axes",
    names: Sequence[str],
    points: Float[np.ndarray, "point 2"],
    size: float | None = None,
    dots: Float[np.ndarray, "dot 2"] | None = None,
) -> None:
    """Write names beside points, one above the other where they would overlap, with a line to a point that is far.

    A name that would leave the axes at the right stands to the left of its point. The limits of the axes stay as they
    are from here on.

    Parameters
    ----------
    size
        Points of the type.
    dots
        All dots of axes with linear scales: a name moves, also to the left of its point, to cover none, if it need not
        go far.
    """
    size = note_size() if size is None else size
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    at, right_end = _in_points(ax, points), ax.bbox.width * 72 / ax.figure.dpi * SHRINKS_TO
    others = np.empty((0, 2)) if dots is None else _in_points(ax, dots)
    line = 1.25 * size
    placed = np.empty((0, 4))
    places = [(0.0, 0.0)] * len(names)
    for i in np.argsort(at[:, 1], kind="stable"):
        width = text_width(names[i], size)
        left, right = -BESIDE - width, BESIDE
        sides = [left, right] if at[i, 0] + right + width > right_end else [right, left]
        if dots is None or at[i, 0] + left < 0:
            sides = sides[:1]
        here = np.repeat(at[i], 2)
        places[i] = _place((width, line), sides, placed - here, _boxes(others - at[i]))
        box = _box(places[i], (width, line))
        placed = np.concatenate([placed, (np.array(box) + here)[None]])
    _write(ax, names, points, places, size)


def along(lines: Float[np.ndarray, "line end 2"]) -> Float[np.ndarray, "dot 2"]:
    """Dots on lines, so near to each other that a name that covers none of them crosses no line."""
    parts = np.linspace(0, 1, ON_A_LINE)[:, None, None]
    return np.asarray((lines[:, 0] + parts * (lines[:, 1] - lines[:, 0])).reshape(-1, 2))


def _in_points(ax: "Axes", points: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
    """Where they are on the smallest axes there may be."""
    at = ax.transData.transform(points) - [ax.bbox.x0, ax.bbox.y0]
    return np.asarray(at * 72 / ax.figure.dpi * SHRINKS_TO)


def _boxes(away: Float[np.ndarray, "dot 2"]) -> Boxes:
    """What a dot may take, wherever it will be on axes of another size."""
    ends = np.stack([away, away * GROWS_TO / SHRINKS_TO], axis=-1)
    low, high = ends.min(-1) - HALF_DOT, ends.max(-1) + HALF_DOT
    return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=-1)


def _box(place: tuple[float, float], of: tuple[float, float]) -> tuple[float, float, float, float]:
    (left, up), (width, line) = place, of
    return left, left + width, up - line / 2, up + line / 2


def _place(
    of: tuple[float, float], sides: Sequence[float], names: Boxes, dots: Boxes
) -> tuple[float, float]:
    """The left end of a name and how far up its middle is: where it covers nothing, or else no name."""

    def covers(place: tuple[float, float], boxes: Boxes) -> bool:
        left, right, bottom, top = _box(place, of)
        across = (boxes[:, 0] < right) & (left < boxes[:, 1])
        return bool((across & (boxes[:, 2] < top - 1e-6) & (bottom + 1e-6 < boxes[:, 3])).any())

    step = of[1] / STEPS
    for place in ((left, i * step) for i in range(NEAR) for left in sides):
        if not covers(place, names) and not covers(place, dots):
            return place
    up = 0.0
    while covers((sides[0], up), names):
        up += step
    return sides[0], up


def _write(
    ax: "Axes",
    names: Sequence[str],
    points: Float[np.ndarray, "point 2"],
    places: Sequence[tuple[float, float]],
    size: float,
) -> None:
    colours = palette()
    arrow = {"arrowstyle": "-", "lw": stroke(0.4), "color": colours.faint, "shrinkB": 2}
    for name, point, (left, up) in zip(names, points, places, strict=True):
        on_right = left > 0
        ax.annotate(
            literal(name), point, xytext=(BESIDE if on_right else -BESIDE, up), textcoords="offset points",
            va="center", ha="left" if on_right else "right", fontsize=size, color=colours.ink, annotation_clip=False,
            arrowprops=arrow if up > 0.625 * size else None, zorder=4,
            bbox={"facecolor": colours.paper, "edgecolor": "none", "alpha": 0.75, "pad": 0.4},
        )  # fmt: skip
