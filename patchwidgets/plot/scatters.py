"""Two sweeps of the same sites as a scatter: total against direct effects, what is enough against what is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from patchwidgets.errors import PatchError, SiteError, listed
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.axes import checked, guides, new_axes, square, stroke
from patchwidgets.plot.colours import palette
from patchwidgets.plot.point_names import along, name_points
from patchwidgets.plot.quantity import Drawn, Quantity, about, component_of, read
from patchwidgets.plot.texts import literal, set_title
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAME = ("model", "task", "component", "window")
"""What both sweeps must agree in."""
MARGIN = 0.06
MANY_POINTS = 2000
"""With more, the points are one raster, also in a PDF."""


@dataclass(frozen=True, eq=False)
class Points:
    """What both axes show of the same sites, with intervals over pairs, NaN where there are none."""

    names: list[str]
    x: Drawn
    y: Drawn

    def known(self) -> Int[np.ndarray, "point"]:
        """The numbers of the sites that both sweeps know."""
        x, y = self.x.values.ravel(), self.y.values.ravel()
        return np.flatnonzero(np.isfinite(x) & np.isfinite(y))


@answers(
    FIGURE_ARGUMENTS,
    example="pw.plot.total_direct(exp.sweep('z'), exp.direct_effects('z'))",
)
def total_direct(
    total: SweepResult,
    direct: SweepResult,
    metric: str | None = None,
    *,
    quantity: Quantity = "effect",
    label: int = 5,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the total effect of each site to the right and its direct effect upwards.

    Parameters
    ----------
    total
        From ``exp.sweep(...)``.
    direct
        From ``exp.direct_effects(...)`` of the same sites.
    metric
        By default the experiment's first one.
    quantity
        ``"effect"`` or ``"share"``.
    label
        How many sites get their name: those that are furthest from the origin.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        On the diagonal a site acts directly; below it, through later components; above it, these work against it.
        Thin lines are intervals of 95 % over pairs, from five on.

    Raises
    ------
    PatchError, SiteError
        Something else, no direct effects, or sweeps of different experiments or sites.
    MetricError
        A sweep does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> total, direct = exp.sweep("z", progress=False), exp.direct_effects("z", progress=False)
    >>> ax = pw.plot.total_direct(total, direct, label=1, ax=Figure().subplots())
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('total effect on logit_diff', ['L0.H1'])
    """
    both = _checked(total, direct)
    kinds = ["direct" if each.attrs.get("effects") == "direct" else "total" for each in both]
    if kinds != ["total", "direct"]:
        raise PatchError(
            f"Expected total and then direct effects, as from exp.sweep('z') and exp.direct_effects('z'); got "
            f"{' and then '.join(kinds)} ones."
        )
    if total.attrs["direction"] != direct.attrs["direction"]:
        raise PatchError("Expected both sweeps in one direction; got denoise and noise.")
    if quantity not in ("effect", "share"):
        raise PatchError(f"quantity is {quantity!r}; expected 'effect' or 'share'.")
    points = _points(*both, metric, quantity)
    names = (f"total {points.x.label}", f"direct {points.y.label}")
    frozen = "norm frozen" if direct.attrs.get("norm") == "frozen" else ""
    return _scatter(points, names, [component_of(total), *about(total), frozen], label, title, ax)


@answers(
    FIGURE_ARGUMENTS,
    example="pw.plot.enough_needed(exp.turned('denoise').sweep('z'), exp.turned('noise').sweep('z'))",
)
def enough_needed(
    denoise: SweepResult,
    noise: SweepResult,
    metric: str | None = None,
    *,
    label: int = 5,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw how far each site is enough, to the right, and how far it is needed, upwards.

    Parameters
    ----------
    denoise, noise
        From ``exp.sweep(...)`` and ``exp.flip().sweep(...)`` of the same sites.
    metric, label, title, ax
        As for `total_direct`.

    Returns
    -------
    Axes
        The shares of both directions. At the right, a site's clean value is enough for the clean answer; at the top,
        the answer is lost without it. At the top left lies a part of an AND, at the lower right one of an OR.

    Raises
    ------
    PatchError, SiteError
        Something else, other directions, or sweeps of different experiments or sites.
    MetricError
        A sweep does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> denoise, noise = exp.sweep("z", progress=False), exp.flip().sweep("z", progress=False)
    >>> ax = pw.plot.enough_needed(denoise, noise, label=1, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('enough: share of logit_diff, denoise', 'needed: share of logit_diff, noise')
    """
    both = _checked(denoise, noise)
    directions = [each.attrs["direction"] for each in both]
    if directions != ["denoise", "noise"]:
        raise PatchError(
            f"Expected a sweep that denoises and then one that noises, as from exp.sweep('z') and "
            f"exp.flip().sweep('z'); got {' and then '.join(directions)}."
        )
    kinds = {each.attrs.get("effects", "total") for each in both}
    if len(kinds) > 1:
        raise PatchError("Expected total effects twice, or direct ones twice; got one of each.")
    points = _points(*both, metric, "share")
    names = (f"enough: {points.x.label}, denoise", f"needed: {points.y.label}, noise")
    return _scatter(points, names, [component_of(denoise), *about(denoise)[1:]], label, title, ax)


def _checked(x: SweepResult, y: SweepResult) -> tuple[SweepResult, SweepResult]:
    both = (checked(x, SweepResult, "exp.sweep(...)"), checked(y, SweepResult, "exp.sweep(...)"))
    for name in SAME:
        if x.attrs.get(name) != y.attrs.get(name):
            values = f": {x.attrs.get(name)!r} and {y.attrs.get(name)!r}" if name != "task" else ""
            raise PatchError(
                f"These sweeps are not of the same experiment: they differ in {name}{values}."
            )
    return both


def _points(x: SweepResult, y: SweepResult, metric: str | None, quantity: Quantity) -> Points:
    names, others = x.site_names(), y.site_names()
    if names != others:
        only = sorted(set(names) ^ set(others)) or names
        raise SiteError(
            f"These sweeps have {len(names):,} and {len(others):,} sites, not the same ones: only one of them has "
            f"{listed(only, most=3, by=', ')}. Give both the same component, over= and layers=, or select the same "
            "part of both with result.sel(...)."
        )
    points = Points(names, read(x, metric, quantity), read(y, metric, quantity))
    if not points.known().size:
        raise SiteError(f"None of these {len(names):,} sites has a {quantity} in both sweeps.")
    return points


def _scatter(
    points: Points,
    labels: tuple[str, str],
    parts: Sequence[str],
    label: int,
    title: str | None,
    ax: "Axes | None",
) -> "Axes":
    """Draw points on equal axes with a diagonal."""
    with Uninterrupted():
        from matplotlib.collections import LineCollection

    ax = new_axes(square()) if ax is None else ax
    at = points.known()
    xy = np.stack([points.x.values.ravel()[at], points.y.values.ravel()[at]], axis=-1)
    colours = palette()
    ax.axline((0, 0), slope=1, color=colours.faint, lw=stroke(0.7), zorder=0)
    guides(ax, x=(0,), y=(0,))
    intervals = _intervals(points, at)
    if len(intervals):
        style: dict[str, Any] = {"color": colours.runs["patched"], "lw": stroke(1.0), "alpha": 0.4}
        ax.add_collection(LineCollection(list(intervals), zorder=1, **style), autolim=False)
    ax.plot(
        *xy.T, "o", color=colours.runs["patched"], alpha=0.7, mew=0, rasterized=len(xy) > MANY_POINTS
    )  # fmt: skip
    ends = _ends(points, at)
    room = MARGIN * ((ends[1] - ends[0]) or 1.0)
    limits = (ends[0] - room, ends[1] + room)
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ticks = [tick for tick in ax.get_xticks() if limits[0] <= tick <= limits[1]]
    ax.set(xticks=ticks, yticks=ticks)
    largest = np.argsort(-np.hypot(*xy.T), kind="stable")[:label]
    # Among thousands of intervals no name has room.
    covered = np.concatenate([xy, along(intervals)]) if len(xy) <= MANY_POINTS else xy
    name_points(ax, [points.names[at[i]] for i in largest], xy[largest], dots=covered)
    ax.set_xlabel(literal(labels[0]))
    ax.set_ylabel(literal(labels[1]))
    ax.spines[["top", "right"]].set_visible(False)
    set_title(ax, parts, title)
    return ax


def _ends(points: Points, at: Int[np.ndarray, "point"]) -> tuple[float, float]:
    """The lowest and the highest number of both axes, their intervals and 0."""
    numbers = [
        each.ravel()[at]
        for drawn in (points.x, points.y)
        for each in (drawn.values, drawn.low, drawn.high)
    ]
    return min(0.0, float(np.nanmin(numbers))), max(0.0, float(np.nanmax(numbers)))


def _intervals(points: Points, at: Int[np.ndarray, "point"]) -> Float[np.ndarray, "line end 2"]:
    """Those that are known: of x from left to right, of y upwards."""
    x, y = points.x, points.y
    across, up = x.values.ravel()[at], y.values.ravel()[at]
    lines = [
        np.stack([np.stack([bound.ravel()[at], up], axis=-1) for bound in (x.low, x.high)], axis=1),
        np.stack([np.stack([across, bound.ravel()[at]], axis=-1) for bound in (y.low, y.high)], axis=1),
    ]  # fmt: skip
    both = np.concatenate(lines)
    return np.asarray(both[np.isfinite(both).all(axis=(1, 2))])
