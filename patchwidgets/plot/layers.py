"""Sweeps by depth: one quantity of every cell against its layer, with the spread over pairs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from patchwidgets.errors import PatchError, SiteError
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.plot.axes import (
    aspect,
    checked,
    guides,
    mark_estimate,
    new_axes,
    stroke,
)
from patchwidgets.plot.colours import palette
from patchwidgets.plot.point_names import name_points
from patchwidgets.plot.quantity import Drawn, Quantity, about, component_of, read
from patchwidgets.plot.texts import literal, set_title
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SERIES: tuple[dict[str, Any], ...] = (
    {"marker": "o"},
    {"marker": "s", "markerfacecolor": "none", "linestyle": (0, (4, 1.5))},
    {"marker": "^", "linestyle": ":"},
    {"marker": "x", "linestyle": "-."},
)
"""How one of several sweeps is told from the others, also in grey."""

MANY = 1500
"""With more dots, they are one raster, also in a PDF."""


@answers(FIGURE_ARGUMENTS)
def layers(
    *results: SweepResult,
    metric: str | None = None,
    quantity: Quantity = "share",
    label: int = 5,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a quantity by layer: a line for a sweep over layers alone, else one dot per cell.

    Parameters
    ----------
    *results
        From ``exp.sweep(...)``, over layers; up to four, such as the total and the direct effects of the same sites.
    metric
        By default the experiment's first one.
    quantity
        ``"share"`` of the difference of the unpatched runs, ``"recovery"``, ``"effect"`` or ``"value"``, with its sign.
    label
        The number of dots of the first sweep that get the name of their site: those of the largest effect.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        The lines are where nothing changed, and, of a share or a recovery, where the other run is. Vertical bars are
        intervals of 95 % over pairs, from five on. Estimates are hatched and say their method.

    Raises
    ------
    SiteError
        A sweep has no axis of layers.
    PatchError
        No sweep or more than four, or there is no such quantity.
    MetricError
        A sweep does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> heads = exp.sweep("z", progress=False)
    >>> ax = pw.plot.layers(heads, label=1, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts], ax.get_ylabel()
    (['L0.H1'], 'share of logit_diff')
    >>> both = [exp.sweep("mlp_out", progress=False), exp.direct_effects("mlp_out", progress=False)]
    >>> [line.get_label() for line in pw.plot.layers(*both, ax=Figure().subplots()).lines[2:]]
    ['total effects', 'direct effects']
    """
    if not 1 <= len(results) <= len(SERIES):
        raise PatchError(f"Expected one to {len(SERIES)} sweeps; got {len(results)}.")
    sweeps = [_checked_layers(result) for result in results]
    ax = new_axes(aspect(0.5)) if ax is None else ax
    drawn = [read(result, metric, quantity) for result in sweeps]
    host = drawn[0].host
    both_runs = quantity in ("share", "recovery")
    guides(ax, y=(0, 1) if both_runs else (host,))
    several = len(sweeps) > 1
    common, names = _names(sweeps)
    for i, (result, each) in enumerate(zip(sweeps, drawn, strict=True)):
        # Intervals of several sweeps would lie over each other.
        aside = 0.12 * (i - (len(sweeps) - 1) / 2)
        _draw_series(ax, result, each, aside, SERIES[i], names[i])
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("layer")
    ax.set_ylabel(literal(drawn[0].label))
    ax.spines[["top", "right"]].set_visible(False)
    if several:
        ax.legend(loc="best")
    if label and sweeps[0].axes != ("layer",):
        _name_largest(ax, sweeps[0], drawn[0], label, metric)
    set_title(ax, common, title)
    mark_estimate(ax, next((e for s in sweeps if (e := s.attrs.get("estimate", ""))), ""))
    return ax


def _checked_layers(result: Any) -> SweepResult:
    sweep = checked(result, SweepResult, "exp.sweep(...)")
    if "layer" not in sweep.axes:
        raise SiteError(
            f"This sweep runs over {', '.join(sweep.axes) or 'nothing'}, but layers are needed. "
            "Sweep a component, as in exp.sweep('z'), or use result.to_frame()."
        )
    return sweep


def _names(sweeps: Sequence[SweepResult]) -> tuple[list[str], list[str]]:
    """What is said of all sweeps, for the title, and of each of several, for the legend."""
    parts = [[component_of(sweep), *about(sweep)] for sweep in sweeps]
    common = [part for part in parts[0] if all(part in each for each in parts)]
    own = [[part for part in each if part and part not in common] for each in parts]
    return common, [", ".join(each) or "total effects" for each in own]


def _draw_series(
    ax: "Axes", result: SweepResult, drawn: Drawn, aside: float, style: dict[str, Any], name: str
) -> None:
    colour = palette().runs["patched"]
    only_layers = result.axes == ("layer",)
    layer = _layer_of_cells(result, drawn) + aside
    shown = {**style, "linestyle": style.get("linestyle", "-") if only_layers else "none"}
    (dots,) = ax.plot(layer, drawn.values.ravel(), color=colour, label=literal(name), **shown)
    dots.set_rasterized(layer.size > MANY)
    low, high = drawn.low.ravel(), drawn.high.ravel()
    if not np.isnan(low).all():
        ax.vlines(
            layer, low, high, color=colour, lw=stroke(0.7), alpha=0.5, rasterized=layer.size > MANY
        )


def _layer_of_cells(result: SweepResult, drawn: Drawn) -> Int[np.ndarray, "cell"]:
    along_layers = [-1 if axis == "layer" else 1 for axis in result.axes]
    layer = result.to_xarray()["layer"].values.reshape(along_layers)
    return np.broadcast_to(layer, drawn.values.shape).ravel()


def _name_largest(
    ax: "Axes", result: SweepResult, drawn: Drawn, count: int, metric: str | None
) -> None:
    names = result.site_names()
    cells = [names.index(site) for site in result.top_sites(count, metric)]
    points = np.stack([_layer_of_cells(result, drawn), drawn.values.ravel()], axis=-1)
    ax.margins(x=0.1)
    name_points(ax, [names[i] for i in cells], points[cells])
