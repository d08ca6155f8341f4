"""What all figures need: axes on a new figure, and ticks that do not overlap."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from patchwidgets.errors import PatchError
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import text_width
from patchwidgets.sweep.quantities import QUANTITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = TypeVar("Kind")

LINE = 1.35
"""The height of a line of text, in parts of the size of its type."""
HIGHEST = 12.0
"""Inches of a new figure."""
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def new_axes(height: float) -> "Axes":
    """Make axes on a new pyplot figure, as wide as ``rcParams["figure.figsize"]`` says and `height` inches high."""
    with Uninterrupted():
        from matplotlib import pyplot as plt
        from matplotlib import rcParams

    width = rcParams["figure.figsize"][0]
    return plt.subplots(figsize=(width, min(height, HIGHEST)), layout="constrained")[1]


def aspect(ratio: float) -> float:
    """The height of a new figure in inches, from its height as a part of its width."""
    with Uninterrupted():
        from matplotlib import rcParams

    return float(ratio * rcParams["figure.figsize"][0])


def square() -> float:
    """The height of a new figure in inches for axes that are about as high as wide."""
    with Uninterrupted():
        from matplotlib import rcParams

    width, height = rcParams["figure.figsize"]
    return float(min(width, 1.2 * height))


def lines(count: float) -> float:
    """The height of `count` lines of text in inches."""
    with Uninterrupted():
        from matplotlib import rcParams

    return float(count * LINE * rcParams["font.size"] / 72)


def stroke(part: float = 1.0) -> float:
    """A width of lines in points, as a part of the style's."""
    with Uninterrupted():
        from matplotlib import rcParams

    return float(part * rcParams["lines.linewidth"])


def tick_size(axis: str) -> float:
    """The size in points of the labels along an axis, ``"x"`` or ``"y"``."""
    with Uninterrupted():
        from matplotlib import rcParams
        from matplotlib.font_manager import FontProperties

    size = rcParams["xtick.labelsize" if axis == "x" else "ytick.labelsize"]
    return float(FontProperties(size=size).get_size_in_points())


def checked(given: Any, kind: type[Kind], made_by: str) -> Kind:
    """Return what is to be drawn, if it is of the right kind.

    Raises
    ------
    PatchError
        It is something else.
    """
    if isinstance(given, kind):
        return given
    quantity = getattr(given, "name", None)
    hint = f" Give the sweep, and quantity={quantity!r}." if quantity in QUANTITIES else ""
    raise PatchError(f"Expected what {made_by} returns; got {type(given).__name__}.{hint}")


def mark_estimate(ax: "Axes", estimate: str) -> None:
    """Hatch axes whose numbers are estimates; nothing if `estimate`, the method, is empty."""
    if not estimate:
        return
    with Uninterrupted():
        from matplotlib.patches import Rectangle

    hatched = Rectangle(
        (0, 0), 1, 1, transform=ax.transAxes, fill=False, hatch="//", lw=0, zorder=1.5
    )
    hatched.set(edgecolor=palette().faint, alpha=0.3)
    hatched.set_gid("estimate")
    ax.add_patch(hatched)


def guides(ax: "Axes", *, x: Iterable[float] = (), y: Iterable[float] = ()) -> None:
    """Draw thin lines behind the data, such as those at 0 and 1."""
    style: dict[str, Any] = {"color": palette().faint, "lw": stroke(0.5), "zorder": 0}
    for at in x:
        ax.axvline(at, **style)
    for at in y:
        ax.axhline(at, **style)


def every(count: int, room: float, each: float) -> int:
    """Of `count` labels, show every how many, so that they fit.

    Parameters
    ----------
    count
        The number of labels.
    room
        Points along the axis.
    each
        Points that one label needs.
    """
    fitting = max(1.0, room / each)
    return next((step for step in STEPS if count / step <= fitting), STEPS[-1])


def room(ax: "Axes", axis: str) -> float:
    """About how many points an axis, ``"x"`` or ``"y"``, will be long; labels take some of what it has now."""
    pixels = ax.bbox.width if axis == "x" else ax.bbox.height
    return float(0.9 * pixels / ax.figure.dpi * 72)


def name_layers(ax: "Axes", layers: Sequence[int], axis: str = "y") -> None:
    """Name as many of the layers along an axis as fit, the first one at 0."""
    size = tick_size(axis)
    each = LINE * size if axis == "y" else text_width(f"L{layers[-1]} ", size)
    step = every(len(layers), room(ax, axis), each)
    places = range(0, len(layers), step)
    getattr(ax, f"set_{axis}ticks")(places, [f"L{layers[place]}" for place in places])
