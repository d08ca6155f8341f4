"""Estimates against exact effects, as a scatter plot."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.plot.axes import (
    LINE,
    checked,
    guides,
    new_axes,
    room,
    square,
    stroke,
    tick_size,
)
from patchwidgets.plot.colours import palette
from patchwidgets.plot.legends import legend_below
from patchwidgets.plot.point_names import name_points
from patchwidgets.plot.texts import literal, set_title, text_width
from patchwidgets.sweep.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY_POINTS = 2000
"""With more, the points are one raster, also in a PDF."""


@answers(FIGURE_ARGUMENTS, example="pw.plot.compare(estimate.compare(exact))")
def compare(
    comparison: Comparison, *, label: int = 5, title: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw each site or edge with its exact effect to the right and its estimate upwards.

    Parameters
    ----------
    comparison
        From ``estimate.compare(exact)``.
    label
        How many get the name of their site: those of the largest exact effect.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        On the line an estimate is exact. Orange crosses have the wrong sign. Both axes are linear up to about a
        hundredth of the largest effect, or to the noise floor where that is larger, and logarithmic beyond.

    Raises
    ------
    PatchError
        Not a comparison.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> comparison = exp.estimate("z", progress=False).compare(exp.sweep("z", progress=False))
    >>> ax = pw.plot.compare(comparison, label=1, ax=Figure().subplots())
    >>> ax.get_ylabel(), [text.get_text() for text in ax.texts]
    ('estimate (AtP)', ['L0.H1'])
    """
    comparison = checked(comparison, Comparison, "estimate.compare(exact)")
    ax = new_axes(square()) if ax is None else ax
    frame = comparison.to_frame()
    size = float(np.abs(frame[["estimated", "exact"]].to_numpy()).max())
    for wrong, marker, run, name in (
        (False, "o", "patched", "right sign, or below the noise floor"),
        (True, "x", "corrupted", "wrong sign"),
    ):
        part = frame[frame["sign_wrong"] == wrong]
        if part.empty:
            continue
        ax.plot(
            part["exact"], part["estimated"], marker, color=palette().runs[run], alpha=0.6, label=name,
            mew=stroke(0.8), linestyle="none", rasterized=len(frame) > MANY_POINTS,
        )  # fmt: skip
    ax.axline((0, 0), slope=1, color=palette().faint, lw=stroke(0.7), zorder=0)
    guides(ax, x=(0,), y=(0,))
    linear = _power_of_ten(max(size / 100, comparison.noise_floor))
    ax.set_xscale("symlog", linthresh=linear)
    ax.set_yscale("symlog", linthresh=linear)
    _spread_ticks(ax)
    ax.margins(0.08)
    largest = frame.loc[frame["exact"].abs().nlargest(label).index]
    name_points(ax, largest["site"].tolist(), largest[["exact", "estimated"]].to_numpy())
    ax.set_xlabel(literal(f"exact effect ({comparison.metric})"))
    ax.set_ylabel(literal(f"estimate ({comparison.method})"))
    set_title(ax, _title(comparison), title)
    legend_below(ax)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _spread_ticks(ax: "Axes") -> None:
    """Name every power of ten, or every other one, as there is room."""
    for axis, each in (
        ("x", 1.7 * text_width("−10-0", tick_size("x"))),
        ("y", LINE * tick_size("y")),
    ):
        locator = getattr(ax, f"{axis}axis").get_major_locator()
        locator.set_params(numticks=max(3, int(room(ax, axis) / each)))


def _power_of_ten(number: float) -> float:
    """The power of ten below a number; 1 for 0."""
    return float(10.0 ** np.floor(np.log10(number))) if number > 0 else 1.0


def _title(comparison: Comparison) -> list[str]:
    wrong, k = comparison.signs_wrong, min(comparison.k)
    return [
        f"rank correlation {comparison.rank_correlation:.3f}",
        f"{comparison.found[k]} of the {k} largest found",
        "no effect above the noise floor" if np.isnan(wrong) else f"{wrong:.0%} signs wrong",
    ]
