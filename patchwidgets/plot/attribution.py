"""The largest parts of a logit difference as bars that add up to it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import PatchError
from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.plot.axes import checked, guides, lines, new_axes, room, stroke
from patchwidgets.plot.colours import bar_of, palette
from patchwidgets.plot.texts import literal, note_size, set_title, short, text_width

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BAR = 0.62
"""The height of a bar, in parts of its row."""
LONGEST = 24
"""Characters of the name of a part."""


def attribution(
    parts: LogitAttribution, k: int = 10, *, title: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw the `k` largest parts of a logit difference, the sum of all others, and the total.

    Parameters
    ----------
    parts
        From ``run.logit_attribution(...)``.
    k
        How many parts get a bar of their own.
    title
        What stands above; nothing by default.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        From top to bottom each bar begins where the one before ends, so that the last but one ends at the total. Blue
        is towards the answer; orange, hatched, towards the foil. A line at the end of a bar is the interval of 95 %
        over pairs, from five on.

    Raises
    ------
    PatchError
        Something else than parts, or `k` is below 1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.attribution(exp.clean.logit_attribution(), k=2, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['L1.H0', 'L1.mlp_out', '19 others', 'total']
    """
    parts = checked(parts, LogitAttribution, "run.logit_attribution(...)")
    if k < 1:
        raise PatchError(f"k is {k!r}; expected how many parts get a bar, at least 1.")
    top, n_parts = parts.top(k), len(parts.to_frame())
    names, sizes = top["part"].tolist(), top["contribution"].to_numpy()
    if n_parts > len(names):
        others = n_parts - len(names)
        names = [*names, f"{others} other{'s' * (others != 1)}"]
        sizes = np.append(sizes, parts.total - sizes.sum())
    ax = new_axes(lines(1.6 * len(names) + 5)) if ax is None else ax
    ends = np.cumsum(sizes)
    _draw_bars(ax, sizes, ends, parts.total)
    far = _draw_intervals(ax, top, sizes, ends)
    _write_numbers(ax, [*sizes, parts.total], [*far, parts.total])
    rows = np.arange(len(names))
    ax.vlines(ends, rows, rows + 1, color=palette().faint, lw=stroke(0.5))
    guides(ax, x=(0,))
    ax.set_yticks(
        range(len(names) + 1), [literal(short(name, LONGEST)) for name in [*names, "total"]]
    )
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.set_xlabel("contribution to the logit difference (logits)")
    ax.spines[["top", "right", "left"]].set_visible(False)
    # Bars would hold the limits at their ends, and leave no room for numbers.
    ax.use_sticky_edges = False
    ax.margins(x=_room_for_numbers(ax), y=0.02)
    set_title(ax, [], title)
    return ax


def _draw_bars(
    ax: "Axes", sizes: Float[np.ndarray, "part"], ends: Float[np.ndarray, "part"], total: float
) -> None:
    """One bar for each part, and one for the total."""
    style: dict[str, Any] = {"height": BAR}
    for i, (size, end) in enumerate(zip(sizes, ends, strict=True)):
        run = "clean" if size > 0 else "corrupted"
        ax.barh(i, size, left=end - size, **style, **bar_of(run))
    ax.barh(len(sizes), total, color=palette().ink, **style)


def _write_numbers(ax: "Axes", sizes: Sequence[float], far: Sequence[float]) -> None:
    """Write each number beyond the end of its bar and of its interval."""
    for i, (size, at) in enumerate(zip(sizes, far, strict=True)):
        ax.annotate(
            f"{size:+.2f}".replace("-", "−"), (at, i), (3 if size > 0 else -3, 0), textcoords="offset points",
            ha="left" if size > 0 else "right", va="center", fontsize=note_size(), color=palette().ink,
        )  # fmt: skip


def _draw_intervals(
    ax: "Axes",
    top: "pd.DataFrame",
    sizes: Float[np.ndarray, "part"],
    ends: Float[np.ndarray, "part"],
) -> Float[np.ndarray, "part"]:
    """Draw what is known of how the parts vary over pairs, and return where each bar with its interval ends."""
    far = ends.copy()
    low, high = (
        top[end].to_numpy(dtype=float) - top["contribution"].to_numpy() + ends[: len(top)]
        for end in ("low", "high")
    )
    if not np.isnan(low).all():
        ax.hlines(range(len(top)), low, high, color=palette().ink, lw=stroke(0.8))
        far[: len(top)] = np.where(sizes[: len(top)] > 0, high, low)
    return far


def _room_for_numbers(ax: "Axes") -> float:
    """Which part of the axis to leave free at both ends."""
    return min(0.4, 0.03 + (text_width("+00.00", note_size()) + 3) / room(ax, "x"))
