"""The cells of a map: their colours, marks and numbers, and the bar beside them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from patchwidgets.plot.axes import room, stroke
from patchwidgets.plot.colours import diverging, ink_on, palette
from patchwidgets.plot.quantity import Drawn
from patchwidgets.plot.texts import literal, note_size, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

SMALLEST_MARK = 1.2
"""Points: a smaller mark in a cell is not drawn."""

MANY_CELLS = 1500
"""With more, the marks in cells are one raster, also in a PDF."""

ROUNDING = 0.005
"""A value may be beyond the range by so much, or by that part of a range below 1, and not be marked.

As a number of two decimals it is the end of the range.
"""


def draw_cells(
    ax: "Axes", drawn: Drawn, limit: float, cmap: "str | Colormap | None"
) -> "AxesImage":
    """Colour the cells; those of exactly no effect stay blank."""
    default = diverging(reverse=drawn.towards_clean < 0)
    return ax.imshow(
        np.ma.masked_invalid(np.where(drawn.zero, np.nan, drawn.values)),
        cmap=default if cmap is None else cmap,
        vmin=drawn.host - limit,
        vmax=drawn.host + limit,
        aspect="auto",
        interpolation="nearest",
    )


def beyond(drawn: Drawn, limit: float) -> Bool[np.ndarray, "layer column"]:
    """The cells whose values the colours do not reach."""
    values = np.nan_to_num(drawn.values - drawn.host)
    return np.asarray(np.abs(values) > limit + ROUNDING * min(1.0, limit))


def draw_marks(ax: "Axes", drawn: Drawn, limit: float) -> None:
    """Mark what a colour cannot show: exactly 0, no counterpart, undefined, out of range, negative."""
    from matplotlib.lines import Line2D
    from matplotlib.markers import MarkerStyle

    colours, values = palette(), drawn.values - drawn.host
    n_rows, n_columns = values.shape
    cell = min(room(ax, "y") / n_rows, room(ax, "x") / n_columns)
    undefined = np.isnan(values) & ~drawn.zero & ~drawn.unpatchable
    negative = np.nan_to_num(values) < -0.1 * limit
    ink: dict[str, Any] = {"color": colours.ink, "mew": stroke(0.7)}
    faint: dict[str, Any] = {"color": colours.faint, "mew": stroke(0.5)}
    for cells, marker, size, style, (right, up) in (
        (drawn.zero, ".", min(1.6, 0.4 * cell), faint, (0.0, 0.0)),
        (drawn.unpatchable, "x", min(3.5, 0.6 * cell), faint, (0.0, 0.0)),
        (undefined, (2, 0, -45), min(8.0, 0.9 * cell), faint, (0.0, 0.0)),
        (beyond(drawn, limit), "^", min(2.5, 0.4 * cell), ink, (0.36, 0.34)),
        (negative, "_", min(4.0, 0.7 * cell), ink, (0.0, 0.0)),
    ):
        rows, columns = np.nonzero(cells)
        if not rows.size or (size < SMALLEST_MARK and cells is not undefined):
            continue
        marks = Line2D(
            columns + right,
            rows - up,
            linestyle="none",
            marker=MarkerStyle(marker),
            markersize=size,
            **style,
        )
        marks.set_rasterized(values.size > MANY_CELLS)
        ax.add_line(marks)


def write_numbers(ax: "Axes", image: "AxesImage", drawn: Drawn) -> None:
    """Write each number into its cell, as large as it has room."""
    n_rows, n_columns = drawn.values.shape
    high, wide = room(ax, "y") / n_rows, room(ax, "x") / n_columns
    size = min(note_size(), 0.8 * high, wide / text_width("+0.00", 1))
    for row, column in zip(*np.nonzero(np.isfinite(drawn.values) & ~drawn.zero), strict=True):
        value = drawn.values[row, column]
        ax.text(
            column, row, _number(value), ha="center", va="center", fontsize=size,
            color=ink_on(image.cmap(image.norm(value))),
        )  # fmt: skip


def _number(value: float) -> str:
    """With two decimals, without a leading zero or a negative one: as in .99 and −.03."""
    text = f"{round(value, 2) + 0:.2f}".replace("-", "\N{MINUS SIGN}")
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text


def draw_colour_bar(image: "AxesImage", axes: "list[Axes]", drawn: Drawn) -> None:
    """Beside one or several maps, with the name of the quantity and which end is towards which run."""
    bar = axes[0].figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=note_size())
    bar.ax.set_ylabel(literal(drawn.label), fontsize=note_size(), color=palette().faint)
    if drawn.towards_clean:
        ends = ("corrupted", "clean") if drawn.towards_clean > 0 else ("clean", "corrupted")
        # Half a line beyond the ends of the bar, where its first and its last number stand.
        for at, va, run in ((0, "top", ends[0]), (1, "bottom", ends[1])):
            bar.ax.annotate(
                run, (0, at), xytext=(0, (at - 0.5) * 1.4 * note_size()), xycoords="axes fraction",
                textcoords="offset points", va=va, fontsize=note_size(), color=palette().runs[run],
            )  # fmt: skip
