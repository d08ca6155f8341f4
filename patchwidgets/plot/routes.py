"""The curves of arrows, and where on them a number has room. In points."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.hooks.interrupts import Uninterrupted

if TYPE_CHECKING:
    from matplotlib.path import Path as Curve

Corner = tuple[float, float]
Rectangle = tuple[float, float, float, float]
"""Left, lower, right and upper end."""

STEPS = 12
"""Points on each piece of a curve."""
FEW = 1e9


def number(effect: float) -> str:
    """An effect with its sign, of three digits."""
    return f"{effect:+.3g}".replace("-", "−")


def curve(corners: Sequence[Corner]) -> "Curve":
    """A curve that leaves and reaches every corner upwards."""
    with Uninterrupted():
        from matplotlib.path import Path as Curve

    points, codes = [corners[0]], [Curve.MOVETO]
    for (x, y), (to_x, to_y) in pairwise(corners):
        half = (to_y - y) / 2
        points += [(x, y + half), (to_x, to_y - half), (to_x, to_y)]
        codes += [Curve.CURVE4] * 3
    return Curve(points, codes)


def samples(corners: Sequence[Corner]) -> Float[np.ndarray, "point 2"]:
    """Points along the curve, from its start on."""
    t = (np.arange(STEPS) + 0.5) / STEPS
    pieces = []
    for (x, y), (to_x, to_y) in pairwise(corners):
        sideways = 3 * t**2 - 2 * t**3
        # Of a piece whose control points are halfway up.
        upwards = 1.5 * t * (1 - t) ** 2 + 1.5 * t**2 * (1 - t) + t**3
        pieces.append(np.stack([x + (to_x - x) * sideways, y + (to_y - y) * upwards], axis=-1))
    return np.concatenate(pieces)


def free_place(
    points: Float[np.ndarray, "point 2"],
    half: tuple[float, float],
    taken: Sequence[Rectangle],
    others: Float[np.ndarray, "other 2"],
) -> Corner | None:
    """Return a point of a curve at which a text lies on nothing that is taken, and on as few other curves as may be.

    Parameters
    ----------
    points
        Of the curve.
    half
        Half the width and half the height of the text.
    taken
        What it may not lie on.
    others
        Points of other curves.
    """
    best, fewest = None, FEW
    for place, (x, y) in enumerate(points):
        left, low, right, high = x - half[0], y - half[1], x + half[0], y + half[1]
        if any(
            left < other[2] and other[0] < right and low < other[3] and other[1] < high
            for other in taken
        ):
            continue
        inside = np.abs(others - (x, y)) < np.array(half)
        hidden = float(inside.all(axis=1).sum()) + 0.01 * place
        if hidden < fewest:
            best, fewest = (float(x), float(y)), hidden
    return best
