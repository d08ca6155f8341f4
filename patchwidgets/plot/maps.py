"""A sweep as a map: layers downwards, heads or positions to the right, the share of each cell as a colour."""

from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import SiteError
from patchwidgets.plot.bars import literal, new_axes
from patchwidgets.plot.colours import DIVERGING, FAINT, INK, RUN_COLOURS
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGES = (0.05, 0.1, 0.2, 0.5, 1.0)
CELL = 0.26
"""Inches, up to a figure of 12."""


def heatmap(result: SweepResult, metric: str | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of every cell of a sweep over layers and one more axis.

    Parameters
    ----------
    result
        From ``exp.sweep(...)``.
    metric
        The first one by default.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Blue where the metric moved towards clean, orange towards corrupted. The range is ±1, or a smaller one that
        is named, if all shares are smaller. A dot is exactly 0, a diagonal is undefined, a notch is out of range,
        a dash (on large cells) is negative, a cross is a position without a counterpart in the other prompt.

    Raises
    ------
    SiteError
        A sweep over another number of axes.
    """
    if len(result.axes) != 2 or result.axes[0] != "layer":
        raise SiteError(
            f"A map has layers and one more axis; this sweep runs over {', '.join(result.axes)}. "
            "Choose a part, as in s.sel(pos=-1), or use pw.plot.layers(s)."
        )
    over = result.over_pairs(metric, draws=0)
    share, zero = over["share"].values, over["zero"].values
    rows, columns = share.shape
    if ax is None:
        ax = new_axes((min(12.0, CELL * columns + 1.8), min(12.0, CELL * rows * 0.75 + 1.6)))
    limit = colour_range(share)
    towards_clean = share if result.attrs["direction"] == "denoise" else -share
    image = ax.imshow(
        np.ma.masked_invalid(np.where(zero, np.nan, towards_clean)),
        cmap=_colours(),
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    lone = over["unpatchable"].values
    _marks(ax, share, zero, lone, limit)
    _labels(ax, result)
    _title(ax, result, metric, limit)
    if lone.any():
        ax.set_xlabel(f"{ax.get_xlabel()} (× no counterpart)")
    _bar(ax, image, result)
    return ax


def colour_range(share: Any) -> float:
    """±1, or if the largest share is smaller than 0.5 the next of 0.5, 0.2, 0.1 and 0.05."""
    sizes = np.abs(share[np.isfinite(share)])
    largest = float(sizes.max()) if sizes.size else 0.0
    return next((limit for limit in RANGES if largest <= limit and limit < 1.0), 1.0)


def _colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("patchwidgets", list(DIVERGING))


def _marks(ax: "Axes", share: Any, zero: Any, lone: Any, limit: float) -> None:
    """What a colour cannot say: exactly 0, no counterpart, undefined, out of range."""
    rows, columns = np.nonzero(zero)
    ax.plot(columns, rows, ".", color=FAINT, markersize=1.6, alpha=0.7)
    rows, columns = np.nonzero(lone)
    ax.plot(columns, rows, linestyle="none", marker="x", color=FAINT, markersize=3.5, mew=0.7)
    rows, columns = np.nonzero(np.isnan(share) & ~zero & ~lone)
    ax.plot(columns, rows, linestyle="none", marker=(2, 0, -45), color=FAINT, markersize=8)
    rows, columns = np.nonzero(np.abs(np.nan_to_num(share)) > limit + 1e-9)
    ax.plot(columns + 0.36, rows - 0.34, linestyle="none", marker="^", color=INK, markersize=2.5)
    rows, columns = np.nonzero(np.nan_to_num(share) < -0.1 * limit)
    if share.shape[1] <= 40 and share.shape[0] <= 40:
        ax.plot(columns, rows, linestyle="none", marker="_", color=INK, markersize=4, mew=0.8)


def _labels(ax: "Axes", result: SweepResult) -> None:
    dataset, axis = result.to_xarray(), result.axes[1]
    layers = dataset["layer"].values
    step = 5 if len(layers) > 12 else 1
    ax.set_yticks(range(0, len(layers), step), [f"L{layer}" for layer in layers[::step]])
    names, differs = _names(dataset, axis)
    ax.set_xticks(range(len(names)), [literal(name) for name in names])
    if axis.startswith("pos"):
        ax.tick_params(axis="x", rotation=90)
    for label, marked in zip(ax.get_xticklabels(), differs, strict=True):
        label.set_fontfamily("monospace" if axis == "pos" else "sans-serif")
        if marked:
            label.set_color(RUN_COLOURS["corrupted"])
            label.set_fontweight("bold")
    ax.tick_params(length=0, labelsize=8)
    ax.set_ylabel("layer")
    ax.set_xlabel({"pos": "position", "pos_name": "position", "kv_head": "KV head"}.get(axis, axis))
    ax.spines[:].set_visible(False)


def _names(dataset: Any, axis: str) -> tuple[list[str], list[bool]]:
    """Each column's label, and whether the prompts differ there."""
    names = [str(name) for name in dataset[axis].values]
    if axis != "pos" or dataset["clean_token"].ndim > 1:
        return names, [False] * len(names)
    tokens = [dataset[f"{run}_token"].values for run in ("clean", "corrupted")]
    differs = [clean != corrupted for clean, corrupted in zip(*tokens, strict=True)]
    shown = [
        visible(str(clean)) + (f"→{visible(str(corrupted)) or '×'}" if apart else "")
        for clean, corrupted, apart in zip(*tokens, differs, strict=True)
    ]
    return [f"{token} {name}" for token, name in zip(shown, names, strict=True)], differs


def _title(ax: "Axes", result: SweepResult, metric: str | None, limit: float) -> None:
    attrs = result.attrs
    pairs = result.to_xarray().sizes["pair"]
    snapped = "" if limit == 1.0 else f", colours ±{limit:g}"
    window = "" if attrs["window"] == 1 else f", window {attrs['window']}"
    ax.set_title(
        f"{attrs['component']}{window}: share of {metric or result.metrics[0]}, {attrs['direction']}"
        f"{'' if pairs == 1 else f', {pairs} pairs'}{snapped}",
        loc="left",
        fontsize=9,
        color=INK,
    )


def _bar(ax: "Axes", image: Any, result: SweepResult) -> None:
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=0)
    ends = ("← corrupted", "clean →")
    bar.ax.set_ylabel(f"{ends[0]}   {ends[1]}", fontsize=7, color=FAINT)
