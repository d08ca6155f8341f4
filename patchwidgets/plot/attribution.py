"""The largest parts of a logit difference as bars that add up to it."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.plot.axes import checked, lines, new_axes
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def attribution(parts: LogitAttribution, k: int = 10, ax: "Axes | None" = None) -> "Axes":
    """Draw the `k` largest parts of a logit difference, the sum of all others, and the total.

    Parameters
    ----------
    parts
        From ``run.logit_attribution(...)``.
    k
        How many parts get a bar of their own.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        From top to bottom each bar begins where the one before ends, so that the last but one ends at the total. A
        line at the end of a bar is the interval of 95 % over pairs, from five on.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.attribution(exp.clean.logit_attribution(), k=2, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['L1.H0', 'L1.mlp_out', '19 others', 'total']
    """
    parts = checked(parts, LogitAttribution, "run.logit_attribution(...)")
    top, n_parts = parts.top(k), len(parts.to_frame())
    names, sizes = top["part"].tolist(), top["contribution"].to_numpy()
    if n_parts > len(names):
        others = n_parts - len(names)
        names = [*names, f"{others} other{'s' * (others != 1)}"]
        sizes = np.append(sizes, parts.total - sizes.sum())
    ax = new_axes(lines(2 * len(names) + 5)) if ax is None else ax
    ends = np.cumsum(sizes)
    colours = [palette().runs["clean" if size > 0 else "corrupted"] for size in sizes]
    bars = ax.barh(range(len(names)), sizes, 0.6, left=ends - sizes, color=colours)
    total = ax.barh([len(names)], [parts.total], 0.6, color=palette().ink)
    for each in (bars, total):
        widths = [f"{bar.get_width():+.2f}" for bar in each]
        ax.bar_label(each, widths, padding=3, fontsize=8)
    low, high = (
        top[end].to_numpy(dtype=float) - top["contribution"].to_numpy() for end in ("low", "high")
    )
    if not np.isnan(low).all():
        ax.hlines(
            range(len(top)),
            ends[: len(top)] + low,
            ends[: len(top)] + high,
            color=palette().ink,
            lw=1,
        )
    ax.vlines(ends, np.arange(len(names)), np.arange(len(names)) + 1, color=palette().faint, lw=0.5)
    ax.axvline(0, color=palette().faint, lw=0.6, zorder=0)
    ax.set_yticks(range(len(names) + 1), [literal(name) for name in [*names, "total"]], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("direct part of the logit difference (logits)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.use_sticky_edges = (
        False  # bars would hold the limits at their ends, and leave no room for numbers
    )
    ax.margins(x=0.14, y=0.02)
    return ax
