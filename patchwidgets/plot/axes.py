"""What all figures need: axes on a new figure, the marks of an estimate, and text that stays text."""

from typing import TYPE_CHECKING

from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.colours import FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def new_axes(size: tuple[float, float]) -> "Axes":
    """Make axes on a new pyplot figure of `size` inches."""
    with Uninterrupted():
        from matplotlib import pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def mark_estimate(ax: "Axes", estimate: str) -> None:
    """Hatch axes whose numbers are estimates, and say by what; nothing if `estimate` is empty."""
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
    label = f"estimate ({literal(estimate)})"
    ax.annotate(
        label,
        (1, 1),
        xytext=(0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        style="italic",
        color=FAINT,
    )


def literal(text: str) -> str:
    """Escape what matplotlib would otherwise read as a formula, and halves of characters, which no font can draw."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("$", r"\$")
