"""Legends below axes, in as many columns as their width has room for."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.axes import LINE, lines
from patchwidgets.plot.texts import EM, FEWEST_CHARACTERS, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HANDLE, APART = 2.8, 2.0
"""The width of what stands before a text, and of the space between columns, in sizes of the type."""
BELOW = 2.9
"""Lines of text between axes and legend: for the labels of ticks and of the axis."""


def legend_below(ax: "Axes", below: float = BELOW, beside: float = 0.0, **options: Any) -> None:
    """Explain what is drawn below the axes, where it covers nothing; nothing if nothing has a label.

    Parameters
    ----------
    below
        Lines of text that stand between.
    beside
        Points that names at the left of the axes will take; numbers need not be told.
    options
        As of ``ax.legend``.
    """
    with Uninterrupted():
        from matplotlib import rcParams
        from matplotlib.font_manager import FontProperties
        from matplotlib.transforms import ScaledTranslation

    labels = [handle.get_label() for handle in options.get("handles", ())]
    labels = labels or ax.get_legend_handles_labels()[1]
    if not labels:
        return
    size = FontProperties(size=rcParams["legend.fontsize"]).get_size_in_points()
    left = ax.bbox.x0 / ax.figure.dpi * 72
    room = ax.bbox.width / ax.figure.dpi * 72 - max(0.0, beside - left)
    columns = _columns([text_width(label, size) / size for label in labels], room / size)
    down = ScaledTranslation(0, -lines(below), ax.figure.dpi_scale_trans)
    legend = ax.legend(
        loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=ax.transAxes + down, ncols=columns,
        frameon=False, borderpad=0, borderaxespad=0, labelspacing=LINE - 1, **options,
    )  # fmt: skip
    characters = max(FEWEST_CHARACTERS, int((room - HANDLE * size) / (EM * size)))
    for text in legend.get_texts():
        text.set_text("\n".join(textwrap.wrap(text.get_text(), characters)))


def _columns(widths: Sequence[float], room: float) -> int:
    """The number of columns, each as wide as its widest text; not one that leaves a single text below the others."""
    count = len(widths)
    for columns in range(count, 1, -1):
        parts = np.array_split(np.array(widths), columns)
        width = sum(HANDLE + part.max() for part in parts) + APART * (columns - 1)
        if width <= room and (columns == count or columns <= -(-count // 2)):
            return columns
    return 1
