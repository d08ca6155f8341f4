"""What patches did to single pairs: one dot for each, the mean and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from patchwidgets.directions import source_name
from patchwidgets.errors import PatchError, listed
from patchwidgets.experiment.readings import Numbers
from patchwidgets.plot.axes import guides, lines, new_axes, stroke, tick_size
from patchwidgets.plot.colours import palette
from patchwidgets.plot.legends import legend_below
from patchwidgets.plot.quantity import (
    Quantity,
    about,
    bounds,
    checked_quantity,
    component_of,
    label_of,
)
from patchwidgets.plot.texts import literal, note_size, set_title, short, text_width
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40
LONGEST_NAME = 32
"""Characters of what was patched."""
GOLDEN = 0.618
"""Dots are moved aside by steps of this part of the room: neighbours lie apart, and the picture stays the same."""


@dataclass(frozen=True, eq=False)
class _Row:
    name: str
    per_pair: Float[np.ndarray, "pair"]
    over_pairs: float
    low: float
    high: float


def pairs(
    *results: Numbers | SweepResult,
    metric: str | None = None,
    quantity: Quantity = "effect",
    k: int = 8,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a quantity pair by pair, with the number over all pairs and its interval.

    Parameters
    ----------
    *results
        From ``exp.patch(...)`` or ``exp.path(...)``, or of the history of an explorer: a row for each. Or one sweep: a
        row for each of its top `k` sites.
    metric
        By default the experiment's first one.
    quantity
        ``"effect"``, ``"share"``, ``"recovery"`` or ``"value"``. A pair whose two runs hardly differ has no share.
    k
        How many sites of a sweep.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Diamonds are the numbers over pairs, the same as those of the results: means, for a share and a recovery ratios
        of means. Bars are intervals of 95 %, from five pairs on. The legend says so.

    Raises
    ------
    PatchError
        No results, more than 40 rows, or results that are neither patches nor a sweep.
    MetricError
        The metric was not measured.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.pairs(exp.patch("L0.H1"), exp.patch("L1.H1"), ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], ax.get_xlabel()
    (['L0.H1', 'L1.H1'], 'effect on logit_diff')
    """
    rows = _rows(results, metric, checked_quantity(quantity), k)
    ax = new_axes(lines(1.6 * len(rows) + 6.5)) if ax is None else ax
    colours, places = palette(), np.arange(len(rows))
    name = metric or _metric_of(results[0])
    guides(ax, x=(0, 1) if quantity in ("share", "recovery") else (0,))
    for place, row in zip(places, rows, strict=True):
        n_pairs = len(row.per_pair)
        aside = ((np.arange(n_pairs) * GOLDEN) % 1 - 0.5) * 0.5 * (n_pairs > 1)
        ax.plot(
            row.per_pair, place + aside, linestyle="none", marker="o", color=colours.faint, alpha=0.6,
            markeredgewidth=0, gid=f"pairs of {row.name}",
        )  # fmt: skip
        if np.isfinite(row.low):
            ax.hlines(place, row.low, row.high, color=colours.ink, lw=stroke(1.6))
    over = np.array([row.over_pairs for row in rows])
    ax.plot(over, places, linestyle="none", marker="D", color=colours.ink, gid="over pairs")
    ax.set_yticks(places, [literal(short(row.name, LONGEST_NAME)) for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel(literal(label_of(quantity, name)))
    ax.spines[["top", "right", "left"]].set_visible(False)
    _say_what_is_undefined(ax, rows)
    _explain(ax, rows)
    set_title(ax, _about(results, rows), title)
    return ax


def _rows(
    results: Sequence[Numbers | SweepResult], metric: str | None, quantity: Quantity, k: int
) -> list[_Row]:
    if len(results) == 1 and isinstance(results[0], SweepResult):
        rows = _rows_of_sweep(results[0], metric, quantity, k)
    elif results and all(isinstance(result, Numbers) for result in results):
        rows = [_row_of_result(result, metric, quantity) for result in results]  # type: ignore[arg-type]
        given = _directions(results)
        if len(set(given)) > 1:
            rows = [
                replace(row, name=f"{each}: {row.name}")
                for row, each in zip(rows, given, strict=True)
            ]
    else:
        kinds = ", ".join(type(result).__name__ for result in results) or "nothing"
        raise PatchError(
            f"Expected results of exp.patch(...) or exp.path(...), or one sweep; got {kinds}."
        )
    if len(rows) > MOST_ROWS:
        raise PatchError(f"Expected at most {MOST_ROWS} rows of pairs; got {len(rows)}.")
    return rows


def _rows_of_sweep(
    sweep: SweepResult, metric: str | None, quantity: Quantity, k: int
) -> list[_Row]:
    over_pairs, names = sweep.over_pairs(metric), sweep.site_names()
    of_cells = sweep.to_xarray().sel(metric=metric or sweep.metrics[0])[quantity]
    per_pair = of_cells.transpose(*sweep.axes, "pair").values.reshape(len(names), -1)
    from_clean = source_name(sweep.attrs["direction"]) == "clean"
    low, high = bounds(over_pairs, quantity, share_is_recovery=from_clean)
    numbers = over_pairs[quantity].values.ravel()
    cells = [names.index(site) for site in sweep.top_sites(k, metric)]
    return [_Row(names[i], per_pair[i], numbers[i], low.ravel()[i], high.ravel()[i]) for i in cells]


def _row_of_result(result: Numbers, metric: str | None, quantity: Quantity) -> _Row:
    reading = result[metric or next(iter(result.readings))]
    per_pair = reading.per_pair
    values = PairValues(
        reading.patched, per_pair.effect, reading.clean, reading.corrupted, reading.noise_floor,
        reading.direction, reading.metric.median,
    )  # fmt: skip
    from_clean = source_name(reading.direction) == "clean"
    low, high = bounds(values.intervals(), quantity, share_is_recovery=from_clean)
    return _Row(
        listed(getattr(result, "sites", None) or [str(getattr(result, "path", "nothing"))]),
        getattr(per_pair, quantity),
        getattr(reading, quantity),
        float(low),
        float(high),
    )


def _directions(results: Sequence[Numbers | SweepResult]) -> list[str]:
    return [each.direction for each in results if isinstance(each, Numbers)]


def _metric_of(result: Numbers | SweepResult) -> str:
    """The first one."""
    return result.metrics[0] if isinstance(result, SweepResult) else next(iter(result.readings))


def _about(results: Sequence[Numbers | SweepResult], rows: Sequence[_Row]) -> list[str]:
    n_pairs = len(rows[0].per_pair) if rows else 0
    how_many = f"{n_pairs} pair{'s' * (n_pairs != 1)}"
    if isinstance(results[0], SweepResult):
        return [component_of(results[0]), *about(results[0])[:-1], how_many]
    return [" and ".join(dict.fromkeys(_directions(results))), how_many]


def _explain(ax: "Axes", rows: Sequence[_Row]) -> None:
    """Below, what is of one pair and what of all; nothing if there is only one."""
    from matplotlib.lines import Line2D

    colours, n_pairs = palette(), max(len(row.per_pair) for row in rows)
    if n_pairs < 2:
        return
    bars = any(np.isfinite(row.low) for row in rows)
    over = f"all {n_pairs} pairs{', 95 % interval' if bars else ''}"
    one: dict[str, Any] = {
        "marker": "o",
        "color": colours.faint,
        "alpha": 0.6,
        "markeredgewidth": 0,
    }
    all_of_them: dict[str, Any] = {"marker": "D", "color": colours.ink, "lw": stroke(1.6 * bars)}
    handles = [
        Line2D([], [], linestyle="none", label="one pair", **one),
        Line2D([], [], label=over, **all_of_them),
    ]
    names = [label.get_text() for label in ax.get_yticklabels()]
    legend_below(ax, beside=max(text_width(n, tick_size("y")) for n in names), handles=handles)


def _say_what_is_undefined(ax: "Axes", rows: Sequence[_Row]) -> None:
    """Beside a row, how many of its pairs have no number."""
    for place, row in enumerate(rows):
        if missing := int(np.isnan(row.per_pair).sum()):
            ax.annotate(
                f"{missing} undefined", (1, place), xycoords=("axes fraction", "data"), va="center", ha="right",
                fontsize=note_size(), color=palette().faint,
            )  # fmt: skip
