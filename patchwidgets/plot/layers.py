"""A sweep by depth: the share of every cell against its layer, with the spread over pairs."""

from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import SiteError
from patchwidgets.plot.bars import literal, new_axes
from patchwidgets.plot.colours import FAINT, INK, RUN_COLOURS
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def layers(
    result: SweepResult, metric: str | None = None, label: int = 5, ax: "Axes | None" = None
) -> "Axes":
    """Draw recovery by layer: a line for a sweep over layers alone, else one dot per head or position.

    Parameters
    ----------
    label
        Name so many sites of largest effect.

    Returns
    -------
    Axes
        0 is the corrupted run and 1 the clean one; bars are the middle 95 % of the bootstrap over pairs.

    Raises
    ------
    SiteError
        A sweep that has no layers.
    """
    if "layer" not in result.axes:
        raise SiteError(
            f"This sweep runs over {', '.join(result.axes) or 'nothing'}; layers are needed."
        )
    ax = new_axes((7, 3)) if ax is None else ax
    over = result.over_pairs(metric)
    depth = np.broadcast_to(
        over["layer"].values.reshape([-1 if a == "layer" else 1 for a in result.axes]),
        over["zero"].shape,
    ).ravel()
    recovery = over["recovery"].values.ravel()
    for level in (0, 1):
        ax.axhline(level, color=FAINT, lw=0.6, zorder=0)
    ax.plot(
        depth,
        recovery,
        "o-" if result.axes == ("layer",) else "o",
        color=RUN_COLOURS["patched"],
        markersize=3.2,
        lw=1.2,
    )
    _spread(ax, over, depth)
    if result.axes != ("layer",):
        _name(ax, result, metric, depth, recovery, label)
    ax.set_xlabel("layer")
    ax.set_ylabel(f"recovery ({metric or result.metrics[0]})")
    ax.set_title(
        f"{result.attrs['component']}, {result.attrs['direction']}",
        loc="left",
        fontsize=9,
        color=INK,
    )
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(x=0.1)
    return ax


def _spread(ax: "Axes", over: Any, depth: Any) -> None:
    low, high = (over[f"recovery_{end}"].values.ravel() for end in ("low", "high"))
    if not np.isnan(low).all():
        ax.vlines(depth, low, high, color=RUN_COLOURS["patched"], lw=0.8, alpha=0.5)


def _name(
    ax: "Axes", result: SweepResult, metric: str | None, depth: Any, recovery: Any, label: int
) -> None:
    names = result.site_names()
    for site in result.top_sites(label, metric):
        i = names.index(site)
        ax.annotate(
            literal(site),
            (depth[i], recovery[i]),
            xytext=(4, 2),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
        )
