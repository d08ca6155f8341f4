"""What all figures need: axes on a new figure, and text that stays text."""

from typing import TYPE_CHECKING

from patchwidgets.hooks.interrupts import Uninterrupted

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def new_axes(size: tuple[float, float]) -> "Axes":
    """Make axes on a new pyplot figure of `size` inches."""
    with Uninterrupted():
        from matplotlib import pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def literal(text: str) -> str:
    """Escape what matplotlib would otherwise read as a formula, and halves of characters, which no font can draw."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("$", r"\$")
