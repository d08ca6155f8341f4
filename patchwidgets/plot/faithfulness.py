"""Faithfulness over the part of nodes or edges that is kept, beside the band of random circuits."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.methods.circuits.circuit_result import rest_in_words
from patchwidgets.methods.circuits.curve_result import FaithfulnessCurve
from patchwidgets.plot.axes import aspect, checked, new_axes
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import literal, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def faithfulness(
    curve: FaithfulnessCurve, metric: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw a faithfulness curve over the part that is kept, on a logarithmic axis.

    Parameters
    ----------
    curve
        From ``exp.faithfulness_curve(...)``.
    metric
        By default the experiment's first one.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        1 is the whole model, and 0 where everything with a score is ablated. The band holds 90 % of the random
        circuits, the dashed line is their median.

    Raises
    ------
    MetricError
        The experiment does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> heads = exp.sweep("z", progress=False)
    >>> curve = exp.faithfulness_curve(heads, (0.1, 0.5, 1), n_random=5, progress=False)
    >>> ax = pw.plot.faithfulness(curve, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('part of 16 nodes kept', 'faithfulness (logit_diff)')
    """
    curve = checked(curve, FaithfulnessCurve, "exp.faithfulness_curve(...)")
    reading = curve[metric or next(iter(curve.readings))]
    ax = new_axes(aspect(0.6)) if ax is None else ax
    kept = np.array(curve.n_kept) / curve.n_scored
    low, median, high = reading.band
    for level in (0, 1):
        ax.axhline(level, color=palette().faint, lw=0.6, zorder=0)
    if not np.isnan(median).all():
        n_random = reading.random.shape[1]
        ax.fill_between(
            kept,
            low,
            high,
            color=palette().faint,
            alpha=0.2,
            lw=0,
            label=f"90 % of {n_random} random ones",
        )
        ax.plot(kept, median, "--", color=palette().faint, lw=1, label="their median")
    ax.plot(
        kept,
        reading.faithfulness,
        "o-",
        color=palette().runs["patched"],
        markersize=3.2,
        lw=1.4,
        label="largest scores",
    )
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    kind = curve.circuits[-1].kind or "members"
    ax.set_xlabel(f"part of {curve.n_scored:,} {kind} kept")
    ax.set_ylabel(literal(f"faithfulness ({reading.metric.name})"))
    areas = [f"CPR {reading.cpr:.3f}", f"CMD {reading.cmd:.3f}"]
    set_title(ax, [f"the rest {rest_in_words(curve.ablation)}", *areas])
    ax.legend(frameon=False, fontsize=8, ncols=3, loc="upper left", bbox_to_anchor=(-0.02, -0.2))
    ax.spines[["top", "right"]].set_visible(False)
    return ax
