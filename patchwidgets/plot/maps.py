"""A sweep as a map: layers from top to bottom, heads or positions to the right, the share of each cell as a colour."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.directions import source_name
from patchwidgets.errors import SiteError
from patchwidgets.plot.axes import checked, literal, mark_estimate, new_axes, set_title
from patchwidgets.plot.colours import DIVERGING, FAINT, INK, RUN_COLOURS
from patchwidgets.sweep.in_words import in_a_title
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

SMALL_RANGES = (0.05, 0.1, 0.2, 0.5)
"""Colour ranges for maps in which all shares are small."""

CELL = 0.26
"""Width of a cell in inches, in figures up to 12 inches wide."""

LARGE_MAP = 40
"""With more rows or columns than that, cells are too small for a dash, which marks negative shares."""

ROUNDING = 1e-5
"""A share may be beyond the range by that much and not be marked."""

AXIS_LABELS = {"pos": "position", "pos_name": "position", "kv_head": "KV head"}


def heatmap(result: SweepResult, metric: str | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of every cell of a sweep over layers and one other axis.

    Parameters
    ----------
    result
        From ``exp.sweep(...)``.
    metric
        By default the experiment's first one.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Blue cells moved the metric towards clean, orange cells towards corrupted. The range is ±1, or a smaller one
        that the title names if all shares are small. A dot is exactly 0, a diagonal is undefined, a triangle is out
        of range, and a cross is a position without a counterpart in the other prompt. A dash, in maps of at most 40
        rows and columns, is a share below −10 % of the range. A map of estimates is hatched and says its method.

    Raises
    ------
    SiteError
        The sweep has other axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> heads = exp.sweep("z", progress=False)
    >>> ax = pw.plot.heatmap(heads, ax=Figure().subplots())
    >>> ax.get_title(loc="left"), round(float(ax.images[0].get_array()[0, 1]), 2)
    ('z: share of logit_diff, denoise', 0.99)
    """
    result = checked(result, SweepResult, "exp.sweep(...)")
    if len(result.axes) != 2 or result.axes[0] != "layer":
        raise SiteError(
            f"A map needs layer as the first of two axes; this sweep runs over "
            f"{', '.join(result.axes) or 'nothing'}. {_other_plot(result.axes)}"
        )
    over_pairs = result.over_pairs(metric)
    share, zero = over_pairs["share"].values, over_pairs["zero"].values
    unpatchable = over_pairs["unpatchable"].values
    rows, columns = share.shape
    if ax is None:
        ax = new_axes((min(12.0, CELL * columns + 1.8), min(12.0, CELL * rows * 0.75 + 1.6)))
    limit = colour_range(share)
    clean_is_positive = source_name(result.attrs["direction"]) == "clean"
    towards_clean = share if clean_is_positive else -share
    image = ax.imshow(
        np.ma.masked_invalid(np.where(zero, np.nan, towards_clean)),
        cmap=_diverging_colours(),
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    _draw_marks(ax, share, zero, unpatchable, limit)
    _label_axes(ax, result, any_unpatchable=bool(unpatchable.any()))
    set_title(ax, _title(result, metric, limit))
    mark_estimate(ax, result.attrs.get("estimate", ""))
    _draw_colour_bar(ax, image, clean_is_positive)
    return ax


def _other_plot(axes: tuple[str, ...]) -> str:
    """What to do with a sweep that is no map."""
    if "layer" not in axes:
        return "Sweep a component over layers, as in exp.sweep('z'), or use result.to_frame()."
    if len(axes) == 1:
        return "Use pw.plot.layers(result)."
    if len(axes) == 2:
        return f"Sweep it over=('layer', {axes[0]!r})."
    return f"Select one {axes[-1]}, as in s.sel({axes[-1]}=...), or use pw.plot.layers(s)."


def colour_range(share: Float[np.ndarray, "..."]) -> float:
    """Choose the limit of the colours: the smallest of 0.05, 0.1, 0.2 and 0.5 that no share exceeds, else 1."""
    sizes = np.abs(share[np.isfinite(share)])
    largest = float(sizes.max()) if sizes.size else 0.0
    return next((limit for limit in SMALL_RANGES if largest <= limit), 1.0)


def _diverging_colours() -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("patchwidgets", list(DIVERGING))


def _draw_marks(
    ax: "Axes",
    share: Float[np.ndarray, "row column"],
    zero: Bool[np.ndarray, "row column"],
    unpatchable: Bool[np.ndarray, "row column"],
    limit: float,
) -> None:
    """Mark what a colour cannot show: exactly 0, no counterpart, undefined, out of range, negative."""
    rows, columns = np.nonzero(zero)
    ax.plot(columns, rows, ".", color=FAINT, markersize=1.6, alpha=0.7)
    rows, columns = np.nonzero(unpatchable)
    ax.plot(columns, rows, linestyle="none", marker="x", color=FAINT, markersize=3.5, mew=0.7)
    rows, columns = np.nonzero(np.isnan(share) & ~zero & ~unpatchable)
    ax.plot(columns, rows, linestyle="none", marker=(2, 0, -45), color=FAINT, markersize=8)
    rows, columns = np.nonzero(np.abs(np.nan_to_num(share)) > limit + ROUNDING)
    ax.plot(columns + 0.36, rows - 0.34, linestyle="none", marker="^", color=INK, markersize=2.5)
    rows, columns = np.nonzero(np.nan_to_num(share) < -0.1 * limit)
    if max(share.shape) <= LARGE_MAP:
        ax.plot(columns, rows, linestyle="none", marker="_", color=INK, markersize=4, mew=0.8)


def _label_axes(ax: "Axes", result: SweepResult, *, any_unpatchable: bool) -> None:
    dataset, axis = result.to_xarray(), result.axes[1]
    layers = dataset["layer"].values
    step = 5 if len(layers) > 12 else 1
    ax.set_yticks(range(0, len(layers), step), [f"L{layer}" for layer in layers[::step]])
    names, differs = _column_names(dataset, axis)
    ax.set_xticks(range(len(names)), [literal(name) for name in names])
    if axis in ("pos", "pos_name"):
        ax.tick_params(axis="x", rotation=90)
    for label, prompts_differ in zip(ax.get_xticklabels(), differs, strict=True):
        label.set_fontfamily("monospace" if axis == "pos" else "sans-serif")
        if prompts_differ:
            label.set_color(RUN_COLOURS["corrupted"])
            label.set_fontweight("bold")
    ax.tick_params(length=0, labelsize=8)
    ax.set_ylabel("layer")
    note = " (× no counterpart)" if any_unpatchable else ""
    ax.set_xlabel(literal(f"{AXIS_LABELS.get(axis, axis)}{note}"))
    ax.spines[:].set_visible(False)


def _column_names(dataset: "xr.Dataset", axis: str) -> tuple[list[str], list[bool]]:
    """Return the label of each column, and whether the prompts differ there."""
    names = [str(name) for name in dataset[axis].values]
    if (
        axis != "pos" or dataset["clean_token"].ndim > 1
    ):  # each of several pairs has tokens of its own
        return names, [False] * len(names)
    clean, corrupted = (
        [str(token) for token in dataset[f"{run}_token"].values] for run in ("clean", "corrupted")
    )
    differs = [a != b for a, b in zip(clean, corrupted, strict=True)]
    tokens = [
        f"{visible(a)}→{visible(b) if b else '×'}" if a != b else visible(a)
        for a, b in zip(clean, corrupted, strict=True)
    ]
    return [f"{token} {name}" for token, name in zip(tokens, names, strict=True)], differs


def _title(result: SweepResult, metric: str | None, limit: float) -> list[str]:
    attrs, dataset = result.attrs, result.to_xarray()
    n_pairs = dataset.sizes["pair"]
    window = "" if attrs["window"] == 1 else f", window {attrs['window']}"
    return [
        f"{attrs['component']}{window}: share of {metric or result.metrics[0]}",
        attrs["direction"],
        *in_a_title(dataset),
        "" if n_pairs == 1 else f"{n_pairs} pairs",
        "" if limit == 1.0 else f"colours ±{limit:g}",
    ]


def _draw_colour_bar(ax: "Axes", image: "AxesImage", clean_is_positive: bool) -> None:
    """With numbers that are shares: in direction ``"noise"``, a positive one moved the metric towards corrupted."""
    sign = 1 if clean_is_positive else -1
    bar = ax.figure.colorbar(
        image, ax=ax, fraction=0.04, pad=0.02, format=lambda level, _: f"{sign * level + 0:g}"
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=0)
    bar.ax.set_ylabel("← corrupted   clean →", fontsize=7, color=FAINT)
