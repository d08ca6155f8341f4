"""What all figures need: axes on a new figure, titles and names that do not overlap, and text that stays text."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import PatchError
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.colours import FAINT, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = TypeVar("Kind")

NO_BREAK = "\N{NO-BREAK SPACE}"
CHARACTERS_PER_INCH = 15
"""Of a title."""


def new_axes(size: tuple[float, float]) -> "Axes":
    """Make axes on a new pyplot figure of `size` inches."""
    with Uninterrupted():
        from matplotlib import pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def checked(given: Any, kind: type[Kind], made_by: str) -> Kind:
    """Return what is to be drawn, if it is of the right kind.

    Raises
    ------
    PatchError
        It is something else.
    """
    if isinstance(given, kind):
        return given
    raise PatchError(f"Expected what {made_by} returns; got {type(given).__name__}.")


def set_title(ax: "Axes", parts: Iterable[str]) -> None:
    """Write what a figure shows above it, in as many lines as the width of the axes asks for."""
    whole = [literal(part).replace(" ", NO_BREAK) for part in parts if part]
    width = ax.bbox.width / ax.figure.get_dpi()
    lines = textwrap.wrap(", ".join(whole), max(20, int(width * CHARACTERS_PER_INCH)))
    title = "\n".join(lines).replace(NO_BREAK, " ")
    ax.set_title(title, loc="left", fontsize=9, color=INK)


def mark_estimate(ax: "Axes", estimate: str) -> None:
    """Hatch axes whose numbers are estimates; nothing if `estimate`, the method, is empty."""
    if not estimate:
        return
    with Uninterrupted():
        from matplotlib.patches import Rectangle

    hatched = Rectangle(
        (0, 0), 1, 1, transform=ax.transAxes, fill=False, hatch="//", lw=0, zorder=1.5
    )
    hatched.set(edgecolor=FAINT, alpha=0.3)
    hatched.set_gid("estimate")
    ax.add_patch(hatched)


def name_points(
    ax: "Axes", names: Sequence[str], points: Float[np.ndarray, "point 2"], size: float = 7.5
) -> None:
    """Write names beside points, one above the other where they would overlap, with a line to a point that is far.

    The limits of the axes stay as they are from here on.
    """
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    per_point = 72 / ax.figure.get_dpi()
    at = ax.transData.transform(points) * per_point
    line = 1.25 * size
    placed: list[tuple[float, float, float]] = []
    heights = at[:, 1].copy()
    for i in np.argsort(heights, kind="stable"):
        left = at[i, 0] + 4
        right = left + 0.62 * size * len(names[i])
        while any(
            heights[i] < top + line and left < far and near < right for near, far, top in placed
        ):
            heights[i] += line / 4
        placed.append((left, right, heights[i]))
    arrow = {"arrowstyle": "-", "lw": 0.4, "color": FAINT, "shrinkB": 2}
    for name, point, moved in zip(names, points, heights - at[:, 1], strict=True):
        ax.annotate(
            literal(name), point, xytext=(4, moved), textcoords="offset points", va="center", fontsize=size, color=INK,
            annotation_clip=False, arrowprops=arrow if moved > line / 2 else None,
        )  # fmt: skip


def literal(text: str) -> str:
    """Escape what matplotlib would otherwise read as a formula, and halves of characters, which no font can draw."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("$", r"\$")
