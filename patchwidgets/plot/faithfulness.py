"""Faithfulness over the part of nodes or edges that is kept, beside the band of random circuits."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import PatchError
from patchwidgets.methods.circuits.circuit_result import rest_in_words
from patchwidgets.methods.circuits.curve_result import CurveReading, FaithfulnessCurve
from patchwidgets.plot.axes import aspect, checked, guides, lines, new_axes, stroke
from patchwidgets.plot.colours import palette
from patchwidgets.plot.layers import SERIES
from patchwidgets.plot.legends import legend_below
from patchwidgets.plot.texts import literal, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT = 0.52
"""The height of a curve's axes, as a part of the width of a new figure."""
AREAS = "CPR: area under a curve, CMD: between it and 1"
LARGEST = {"size": "largest scores", "positive": "most positive", "negative": "most negative"}
"""What was kept, by how it was chosen."""


def faithfulness(
    *curves: FaithfulnessCurve,
    labels: Sequence[str] | None = None,
    metric: str | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw faithfulness curves over the part that is kept, on a logarithmic axis.

    Parameters
    ----------
    *curves
        From ``exp.faithfulness_curve(...)``; up to four, such as those of two ways to score the same edges.
    labels
        A name for each curve.
    metric
        By default the experiment's first one.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        1 is the whole model, and 0 where everything with a score is ablated. A band holds 90 % of the random circuits,
        the thin dashed line is their median. The legend has the areas of each curve: CPR under it, CMD between it and
        1; and says so.

    Raises
    ------
    PatchError
        No curve or more than four, something else, or not one label for each.
    MetricError
        The experiment does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> heads = exp.sweep("z", progress=False)
    >>> curve = exp.faithfulness_curve(heads, (0.1, 0.5, 1), n_random=5, progress=False)
    >>> ax = pw.plot.faithfulness(curve, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('fraction of 16 nodes kept', 'faithfulness (logit_diff)')
    """
    checked_curves = check_curves(curves)
    ax = draw_curves(
        checked_curves, labels, metric, lambda curve: np.array(curve.n_kept) / curve.n_scored, ax
    )
    ax.xaxis.set_major_formatter("{x:g}")
    counts = sorted({curve.n_scored for curve in checked_curves})
    kind = checked_curves[0].circuits[-1].kind or "members"
    number = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    ax.set_xlabel(f"fraction of {number} {kind} kept")
    set_title(ax, _of_all(checked_curves), title)
    return ax


def check_curves(curves: Sequence[Any]) -> list[FaithfulnessCurve]:
    """Return curves that can be drawn together.

    Raises
    ------
    PatchError
        None or more than four, or something else.
    """
    if not 1 <= len(curves) <= len(SERIES):
        raise PatchError(f"Expected one to {len(SERIES)} curves; got {len(curves)}.")
    return [checked(curve, FaithfulnessCurve, "exp.faithfulness_curve(...)") for curve in curves]


def draw_curves(
    curves: Sequence[FaithfulnessCurve],
    labels: Sequence[str] | None,
    metric: str | None,
    kept: Callable[[FaithfulnessCurve], Float[np.ndarray, "fraction"]],
    ax: "Axes | None",
) -> "Axes":
    """Draw curves over what `kept` returns, with their bands and a legend."""
    from matplotlib.lines import Line2D

    if labels is not None and len(labels) != len(curves):
        raise PatchError(f"Expected a label for each of {len(curves)} curves; got {len(labels)}.")
    name = metric or next(iter(curves[0].readings))
    readings = [curve[name] for curve in curves]
    ax = new_axes(aspect(PLOT) + lines(7 + len(curves))) if ax is None else ax
    guides(ax, y=(0, 1))
    for curve, reading in zip(curves, readings, strict=True):
        _draw_band(ax, kept(curve), reading, first=curve is curves[0])
    for i, (curve, reading) in enumerate(zip(curves, readings, strict=True)):
        own = _name(curve, curves) if labels is None else labels[i]
        style = {"linestyle": "-", **SERIES[i]}
        ax.plot(
            kept(curve), reading.faithfulness, color=palette().runs["patched"],
            label=literal(f"{own}: CPR {reading.cpr:.3f}, CMD {reading.cmd:.3f}"), **style,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylabel(literal(f"faithfulness ({name})"))
    ax.spines[["top", "right"]].set_visible(False)
    said = Line2D([], [], linestyle="none", label=AREAS)
    legend_below(ax, handles=[*ax.get_legend_handles_labels()[0], said])
    return ax


def _draw_band(
    ax: "Axes", kept: Float[np.ndarray, "fraction"], reading: CurveReading, *, first: bool
) -> None:
    low, median, high = reading.band
    if np.isnan(median).all():
        return
    n_random, colour = reading.random.shape[1], palette().faint
    names = (f"90 % of {n_random} random ones", "their median") if first else ("", "")
    ax.fill_between(kept, low, high, color=colour, alpha=0.2, lw=0, label=names[0] or None)
    ax.plot(kept, median, "--", color=colour, lw=stroke(0.7), label=names[1] or None)


def _name(curve: FaithfulnessCurve, curves: Sequence[FaithfulnessCurve]) -> str:
    """What tells a curve from the others."""
    kinds = {each.circuits[-1].kind for each in curves}
    rests = {rest_in_words(each.ablation) for each in curves}
    parts = [
        LARGEST[curve.by],
        f"{curve.n_scored:,} {curve.circuits[-1].kind}" if len(kinds) > 1 else "",
        _outside(curve) if len(rests) > 1 else "",
    ]
    return ", ".join(part for part in parts if part)


def _of_all(curves: Sequence[FaithfulnessCurve]) -> list[str]:
    rests = list(dict.fromkeys(map(_outside, curves)))
    return rests if len(rests) == 1 else []


def _outside(curve: FaithfulnessCurve) -> str:
    """What everything got that was not kept."""
    return f"{rest_in_words(curve.ablation).removeprefix('= ')} outside the circuit"
