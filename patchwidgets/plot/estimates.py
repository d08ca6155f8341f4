"""Estimates against exact effects, as a scatter plot."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.plot.axes import aspect, checked, name_points, new_axes
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import literal, set_title
from patchwidgets.sweep.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def estimates(comparison: Comparison, label: int = 5, ax: "Axes | None" = None) -> "Axes":
    """Draw each site or edge with its exact effect to the right and its estimate upwards.

    Parameters
    ----------
    comparison
        From ``estimate.compare(exact)``.
    label
        How many get the name of their site: those of the largest exact effect.
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
    >>> ax = pw.plot.estimates(comparison, label=1, ax=Figure().subplots())
    >>> ax.get_ylabel(), [text.get_text() for text in ax.texts]
    ('estimate (AtP)', ['L0.H1'])
    """
    comparison = checked(comparison, Comparison, "estimate.compare(exact)")
    ax = new_axes(aspect(0.9)) if ax is None else ax
    frame = comparison.to_frame()
    size = float(np.abs(frame[["estimated", "exact"]].to_numpy()).max())
    for wrong, marker, colour, name in (
        (False, "o", palette().runs["patched"], "right sign, or below the noise floor"),
        (True, "x", palette().runs["corrupted"], "wrong sign"),
    ):
        part = frame[frame["sign_wrong"] == wrong]
        if part.empty:
            continue
        ax.plot(
            part["exact"], part["estimated"], marker, color=colour, markersize=3, mew=0.8, alpha=0.6, label=name,
            linestyle="none", rasterized=len(frame) > 5000,
        )  # fmt: skip
    ax.axline((0, 0), slope=1, color=palette().faint, lw=0.7, zorder=0)
    for draw in (ax.axhline, ax.axvline):
        draw(0, color=palette().faint, lw=0.4, zorder=0)
    linear = _power_of_ten(max(size / 100, comparison.noise_floor))
    ax.set_xscale("symlog", linthresh=linear)
    ax.set_yscale("symlog", linthresh=linear)
    ax.margins(0.08)
    largest = frame.loc[frame["exact"].abs().nlargest(label).index]
    name_points(ax, largest["site"].tolist(), largest[["exact", "estimated"]].to_numpy())
    ax.set_xlabel(literal(f"exact effect ({comparison.metric})"))
    ax.set_ylabel(literal(f"estimate ({comparison.method})"))
    set_title(ax, _title(comparison))
    ax.legend(fontsize=7, frameon=False, loc="upper left")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


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
