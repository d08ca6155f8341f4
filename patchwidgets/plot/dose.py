"""Dose curves: how a metric follows the strength of a steering vector."""

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import PatchError, SiteError
from patchwidgets.intervals import FEWEST_PAIRS
from patchwidgets.plot.axes import aspect, checked, lines, new_axes, stroke
from patchwidgets.plot.colours import LINES, line_of, palette
from patchwidgets.plot.faithfulness import PLOT
from patchwidgets.plot.legends import legend_below
from patchwidgets.plot.texts import literal, set_title
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

DoseQuantity = Literal["value", "recovery"]
SPREAD = (0.1, 0.9)
"""Quantiles of single pairs, between which the band lies."""
MARKED = (0.0, 1.0)
"""Doses: nothing is added, and the whole vector."""


def dose(
    result: SweepResult,
    metric: str | None = None,
    *,
    quantity: DoseQuantity = "value",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a metric over the strength of a steering vector, between its values in the unpatched runs.

    Parameters
    ----------
    result
        From ``exp.dose_curve(...)``.
    metric
        By default the experiment's first one.
    quantity
        ``"value"`` of the metric, or ``"recovery"``.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Dotted lines mark the doses 0 and 1, lines to the right the clean and the corrupted run. The band holds the
        middle 80 % of the single pairs, from five on; fewer pairs have a thin line each. The vertical bars of a
        recovery are its intervals of 95 % over pairs.

    Raises
    ------
    SiteError
        The sweep is no dose curve.
    PatchError
        There is no such quantity.
    MetricError
        The sweep does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> vector = exp.source["L1.resid_post@-1"] - exp.host["L1.resid_post@-1"]
    >>> curve = exp.dose_curve("L1.resid_post@-1", vector, [0, 0.5, 1], progress=False)
    >>> ax = pw.plot.dose(curve, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_title(loc="left")
    ('dose α', 'steered at L1.resid_post@-1, denoise')
    """
    result = checked(result, SweepResult, "exp.dose_curve(...)")
    if result.axes != ("alpha",):
        raise SiteError(
            f"This sweep runs over {', '.join(result.axes) or 'nothing'}, and doses are needed: those of "
            "exp.dose_curve(site, vector, alphas)."
        )
    if quantity not in get_args(DoseQuantity):
        raise PatchError(f"quantity is {quantity!r}; expected 'value' or 'recovery'.")
    over_pairs = result.over_pairs(metric)
    name = metric or result.metrics[0]
    of_pairs = result.to_xarray().sel(metric=name)
    ax = new_axes(aspect(PLOT) + lines(7)) if ax is None else ax
    doses = over_pairs["alpha"].values
    order = np.argsort(doses)
    _draw_unpatched(ax, of_pairs, quantity, name)
    _draw_pairs(ax, doses[order], of_pairs[quantity].transpose("alpha", "pair").values[order])
    n_pairs = of_pairs.sizes["pair"]
    style = line_of("patched")
    ax.plot(
        doses[order], over_pairs[quantity].values[order], label="steered" if n_pairs == 1 else "steered, over pairs",
        zorder=3, **style,
    )  # fmt: skip
    if quantity == "recovery":
        low, high = (over_pairs[f"recovery_{end}"].values for end in ("low", "high"))
        ax.vlines(doses, low, high, color=style["color"], lw=stroke(0.8), zorder=3)
    for at in MARKED:
        ax.axvline(at, color=palette().faint, lw=stroke(0.6), linestyle=":", zorder=0)
    ax.set_xlabel("dose α")
    ax.set_ylabel(literal(name if quantity == "value" else f"recovery ({name})"))
    ax.spines[["top", "right"]].set_visible(False)
    legend_below(ax)
    site = str(np.atleast_1d(of_pairs["site"].values)[0])
    pairs = f"{n_pairs} pairs" if n_pairs > 1 else ""
    set_title(ax, [f"steered at {site}", result.attrs["direction"], pairs], title)
    return ax


def _draw_unpatched(
    ax: "Axes", of_pairs: "xr.Dataset", quantity: DoseQuantity, metric: str
) -> None:
    """A line for the clean and one for the corrupted run, each with its name."""
    median = metric in of_pairs.attrs.get("medians", "")
    centre = np.median if median else np.mean
    ends = {"clean": 1.0, "corrupted": 0.0}
    for run, recovery in ends.items():
        at = recovery if quantity == "recovery" else float(centre(of_pairs[run].values))
        ax.axhline(
            at, color=palette().runs[run], linestyle=LINES[run], lw=stroke(0.8), label=run, zorder=1
        )


def _draw_pairs(
    ax: "Axes", doses: Float[np.ndarray, "dose"], values: Float[np.ndarray, "dose pair"]
) -> None:
    n_pairs = values.shape[1]
    style: dict[str, Any] = {"color": palette().runs["patched"], "zorder": 2}
    if n_pairs >= FEWEST_PAIRS:
        low, high = np.nanquantile(values, SPREAD, axis=1)
        middle = f"{SPREAD[1] - SPREAD[0]:.0%} of {n_pairs} pairs".replace("%", " %")
        ax.fill_between(doses, low, high, alpha=0.15, lw=0, label=f"the middle {middle}", **style)
    elif n_pairs > 1:
        for i in range(n_pairs):
            ax.plot(
                doses,
                values[:, i],
                lw=stroke(0.5),
                alpha=0.4,
                label=None if i else "single pairs",
                **style,
            )
