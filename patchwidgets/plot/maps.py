"""A sweep as a map: layers upwards or downwards, heads or positions to the right, one quantity as colour."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from patchwidgets.errors import PatchError, SiteError
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.plot.axes import (
    LINE,
    aspect,
    checked,
    every,
    lines,
    mark_estimate,
    name_layers,
    new_axes,
    room,
    stroke,
    tick_size,
)
from patchwidgets.plot.colours import diverging, palette
from patchwidgets.plot.quantity import Drawn, Quantity, about, component_of, read
from patchwidgets.plot.texts import (
    fonts_for,
    literal,
    note_size,
    set_title,
    text_width,
    token_label,
)
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

ROW = 0.9
"""Lines of text that a row of a new map is high; the map is between `LOWEST` and `HIGHEST` parts of its width high."""
LOWEST, HIGHEST = 0.3, 0.85

SMALLEST_MARK = 1.2
"""Points: a smaller mark in a cell is not drawn."""

MANY_CELLS = 1500
"""With more, the marks in cells are one raster, also in a PDF."""

ROUNDING = 1e-5
"""A value may be beyond the range by that part of it and not be marked."""

UPRIGHT = ("pos", "pos_name")
"""Axes whose names are tokens or words."""

AXIS_LABELS = {"pos": "position", "pos_name": "position", "kv_head": "KV head"}


@answers(FIGURE_ARGUMENTS)
def heatmap(
    result: SweepResult,
    metric: str | None = None,
    *,
    quantity: Quantity = "share",
    limit: float | None = None,
    cmap: "str | Colormap | None" = None,
    title: str | None = None,
    cbar: bool = True,
    annotate: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw one quantity of every cell of a sweep over layers and one other axis.

    Parameters
    ----------
    result
        From ``exp.sweep(...)``, ``exp.direct_effects(...)``, ``exp.estimate(...)``, or of paths into a receiver.
    metric
        By default the experiment's first one.
    quantity
        ``"share"`` of the difference of the unpatched runs, ``"recovery"``, ``"effect"`` or ``"value"``, with its sign.
    limit
        How far the colours reach from what an unpatched host has. By default ±1 for a share and for a recovery, or a
        smaller range that the title names if all are small; for an effect and a value a round number that holds all.
    cmap
        A diverging colour scale of matplotlib, from negative to positive; by default the explorer's.
    title
        In place of the figure's own; ``""`` for none.
    cbar
        Whether to draw the colour bar.
    annotate
        Write the numbers into the cells.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Blue cells moved the metric towards clean, orange ones towards corrupted. A dash is a negative share or effect
        (of more than a tenth of the range), also in grey print; a dot is exactly no effect, a diagonal is undefined, a
        triangle is out of range, a cross is a position without a counterpart in the other prompt. A map of estimates is
        hatched and says its method.

    Raises
    ------
    SiteError
        The sweep has other axes.
    PatchError
        There is no such quantity, or the limit is not positive.
    MetricError
        The sweep does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> heads = exp.sweep("z", progress=False)
    >>> ax = pw.plot.heatmap(heads, ax=Figure().subplots())
    >>> ax.get_title(loc="left"), round(float(ax.images[0].get_array()[0, 1]), 2)
    ('z: share of logit_diff, denoise', 0.99)
    """
    result = _checked_map(result)
    drawn = read(result, metric, quantity)
    if ax is None:
        ax = new_axes(_natural_height(result))
    ends = _checked_limit(drawn, limit)
    image = _draw_cells(ax, drawn, ends, cmap)
    _label_axes(ax, result, any_unpatchable=bool(drawn.unpatchable.any()))
    _draw_marks(ax, drawn, ends)
    if annotate:
        _write_numbers(ax, image, drawn)
    range_in_words = "" if ends == 1 or quantity in ("effect", "value") else f"colours ±{ends:g}"
    parts = [f"{component_of(result)}: {drawn.label}", *about(result), range_in_words]
    set_title(ax, parts, title)
    mark_estimate(ax, result.attrs.get("estimate", ""))
    if cbar:
        draw_colour_bar(image, [ax], drawn)
    return ax


def heatmaps(
    results: "Sequence[SweepResult] | Mapping[str, SweepResult]",
    metric: str | None = None,
    *,
    quantity: Quantity = "share",
    limit: float | None = None,
    cmap: "str | Colormap | None" = None,
    titles: Sequence[str] | None = None,
    columns: int = 2,
    annotate: bool = False,
) -> "Figure":
    """Draw several maps side by side, with one range of colours and one colour bar.

    Parameters
    ----------
    results
        Each as for `heatmap`; all of one direction. A dict has titles as its keys.
    metric, quantity, limit, cmap, annotate
        As for `heatmap`; by default the limit is the largest that one of the maps would have.
    titles
        One for each map.
    columns
        The number of maps in a row.

    Returns
    -------
    Figure
        ``figure.axes`` are the maps in their order, then the bar.

    Raises
    ------
    SiteError, PatchError, MetricError
        As for `heatmap`; no maps, maps of different directions, or not one title for each.

    Examples
    --------
    >>> both = [exp.sweep("z", progress=False), exp.direct_effects("z", progress=False)]
    >>> figure = pw.plot.heatmaps(both, titles=["total", "direct"])
    >>> [ax.get_title(loc="left") for ax in figure.axes[:2]]
    ['total', 'direct']
    """
    from matplotlib import pyplot as plt
    from matplotlib import rcParams

    given: Any = results
    if isinstance(given, SweepResult):
        raise PatchError("Expected a list of sweeps; for one sweep there is pw.plot.heatmap(s).")
    if isinstance(given, Mapping):
        given, titles = list(given.values()), titles or [str(name) for name in given]
    maps = [_checked_map(result) for result in given]
    if len({result.attrs["direction"] for result in maps}) != 1:
        raise PatchError("Maps that share a colour bar are of one direction; got none, or both.")
    if titles is not None and len(titles) != len(maps):
        raise PatchError(f"Expected one title for each of {len(maps)} maps; got {len(titles)}.")
    drawn = [read(result, metric, quantity) for result in maps]
    ends = max(_checked_limit(each, limit) for each in drawn)
    columns = max(1, min(columns, len(maps)))
    rows = -(-len(maps) // columns)
    width = rcParams["figure.figsize"][0]
    height = max(_natural_height(each, width / columns) for each in maps)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, rows * height), layout="constrained", squeeze=False
    )
    for unused in axes.flat[len(maps) :]:
        unused.remove()
    for i, (result, ax) in enumerate(zip(maps, axes.flat, strict=False)):
        heatmap(
            result, metric, quantity=quantity, limit=ends, cmap=cmap, cbar=False, annotate=annotate,
            title=None if titles is None else titles[i], ax=ax,
        )  # fmt: skip
    shown = list(axes.flat[: len(maps)])
    draw_colour_bar(shown[0].images[0], shown, drawn[0])
    return figure


def _checked_map(result: Any) -> SweepResult:
    sweep = checked(result, SweepResult, "exp.sweep(...)")
    if len(sweep.axes) != 2 or sweep.axes[0] != "layer":
        raise SiteError(
            f"A map needs layer as the first of two axes; this sweep runs over "
            f"{', '.join(sweep.axes) or 'nothing'}. {_other_plot(sweep.axes)}"
        )
    return sweep


def _other_plot(axes: tuple[str, ...]) -> str:
    """What to do with a sweep that is no map."""
    if "layer" not in axes:
        return "Sweep a component over layers, as in exp.sweep('z'), or use result.to_frame()."
    if len(axes) == 1:
        return "Use pw.plot.layers(result)."
    if len(axes) == 2:
        return f"Sweep it over=('layer', {axes[0]!r})."
    return f"Select one {axes[-1]}, as in s.sel({axes[-1]}=...), or use pw.plot.layers(s)."


def _checked_limit(drawn: Drawn, limit: float | None) -> float:
    if limit is None:
        return drawn.limit()
    if not isinstance(limit, int | float | np.number) or not limit > 0:
        raise PatchError(
            f"The limit of the colours is one positive number, as in limit=0.5 for ±0.5; got {limit!r}."
        )
    return float(limit)


def _natural_height(result: SweepResult, width: float | None = None) -> float:
    """Inches of a new figure; names of positions stand upright below the map."""
    dataset, axis = result.to_xarray(), result.axes[1]
    width = aspect(1) if width is None else width
    cells = min(max(lines(dataset.sizes["layer"] * ROW), LOWEST * width), HIGHEST * width)
    longest = max(text_width(name, tick_size("x")) for name in _column_names(dataset, axis)[0])
    return cells + lines(5) + (longest / 72 if axis in UPRIGHT else lines(1))


def _draw_cells(
    ax: "Axes", drawn: Drawn, limit: float, cmap: "str | Colormap | None"
) -> "AxesImage":
    default = diverging(reverse=drawn.towards_clean < 0)
    return ax.imshow(
        np.ma.masked_invalid(np.where(drawn.zero, np.nan, drawn.values)),
        cmap=default if cmap is None else cmap,
        vmin=drawn.host - limit,
        vmax=drawn.host + limit,
        aspect="auto",
        interpolation="nearest",
    )


def _draw_marks(ax: "Axes", drawn: Drawn, limit: float) -> None:
    """Mark what a colour cannot show: exactly 0, no counterpart, undefined, out of range, negative."""
    from matplotlib.lines import Line2D
    from matplotlib.markers import MarkerStyle

    colours, values = palette(), drawn.values - drawn.host
    n_rows, n_columns = values.shape
    cell = min(room(ax, "y") / n_rows, room(ax, "x") / n_columns)
    undefined = np.isnan(values) & ~drawn.zero & ~drawn.unpatchable
    beyond = np.abs(np.nan_to_num(values)) > limit * (1 + ROUNDING)
    negative = np.nan_to_num(values) < -0.1 * limit
    ink: dict[str, Any] = {"color": colours.ink, "mew": stroke(0.7)}
    faint: dict[str, Any] = {"color": colours.faint, "mew": stroke(0.5)}
    for cells, marker, size, style, (right, up) in (
        (drawn.zero, ".", min(1.6, 0.4 * cell), faint, (0.0, 0.0)),
        (drawn.unpatchable, "x", min(3.5, 0.6 * cell), faint, (0.0, 0.0)),
        (undefined, (2, 0, -45), min(8.0, 0.9 * cell), faint, (0.0, 0.0)),
        (beyond, "^", min(2.5, 0.4 * cell), ink, (0.36, 0.34)),
        (negative, "_", min(4.0, 0.7 * cell), ink, (0.0, 0.0)),
    ):
        rows, columns = np.nonzero(cells)
        if not rows.size or (size < SMALLEST_MARK and cells is not undefined):
            continue
        marks = Line2D(
            columns + right,
            rows - up,
            linestyle="none",
            marker=MarkerStyle(marker),
            markersize=size,
            **style,
        )
        marks.set_rasterized(values.size > MANY_CELLS)
        ax.add_line(marks)


def _write_numbers(ax: "Axes", image: "AxesImage", drawn: Drawn) -> None:
    n_rows, n_columns = drawn.values.shape
    high, wide = room(ax, "y") / n_rows, room(ax, "x") / n_columns
    size = min(note_size(), 0.8 * high, wide / text_width("+0.00", 1))
    for row, column in zip(*np.nonzero(np.isfinite(drawn.values) & ~drawn.zero), strict=True):
        value = drawn.values[row, column]
        red, green, blue, _ = image.cmap(image.norm(value))
        dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45
        ax.text(
            column, row, _number(value), ha="center", va="center", fontsize=size,
            color="white" if dark else "black",
        )  # fmt: skip


def _number(value: float) -> str:
    """With two decimals, without a leading zero or a negative one: as in .99 and −.03."""
    text = f"{round(value, 2) + 0:.2f}".replace("-", "\N{MINUS SIGN}")
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text


def _label_axes(ax: "Axes", result: SweepResult, *, any_unpatchable: bool) -> None:
    dataset, axis = result.to_xarray(), result.axes[1]
    name_layers(ax, [int(layer) for layer in dataset["layer"].values])
    names, differs = _column_names(dataset, axis)
    size = tick_size("x")
    upright = axis in UPRIGHT
    each = LINE * size if upright else max(text_width(f"{name} ", size) for name in names)
    step = every(len(names), room(ax, "x"), each)
    shown = [i for i in range(len(names)) if i % step == 0 or (differs[i] and step < 10)]
    ax.set_xticks(shown, [names[i] for i in shown])
    ax.tick_params(axis="both", length=0)
    if upright:
        ax.tick_params(axis="x", rotation=90)
    for label, place in zip(ax.get_xticklabels(), shown, strict=True):
        generic: Literal["sans-serif", "monospace"] = "monospace" if axis == "pos" else "sans-serif"
        names_of, bold = fonts_for(label.get_text(), generic, bold=differs[place])
        label.set(fontfamily=names_of, fontweight="bold" if bold else "normal")
        if differs[place]:
            label.set_color(palette().runs["corrupted"])
    ax.set_ylabel("layer")
    note = " (× no counterpart)" if any_unpatchable else ""
    ax.set_xlabel(literal(f"{AXIS_LABELS.get(axis, axis)}{note}"))
    ax.spines[:].set_visible(False)


def _column_names(dataset: "xr.Dataset", axis: str) -> tuple[list[str], list[bool]]:
    """Return the label of each column, and whether the prompts differ there."""
    names = [literal(str(name)) for name in dataset[axis].values]
    # Each of several pairs has tokens of its own.
    if axis != "pos" or dataset["clean_token"].ndim > 1:
        return names, [False] * len(names)
    clean, corrupted = (
        [str(token) for token in dataset[f"{run}_token"].values] for run in ("clean", "corrupted")
    )
    differs = [a != b for a, b in zip(clean, corrupted, strict=True)]
    tokens = [
        f"{token_label(a)}→{token_label(b) if b else '×'}" if a != b else token_label(a)
        for a, b in zip(clean, corrupted, strict=True)
    ]
    return [f"{token} {name}" for token, name in zip(tokens, names, strict=True)], differs


def draw_colour_bar(image: "AxesImage", axes: "list[Axes]", drawn: Drawn) -> None:
    """Beside one or several maps, with the name of the quantity and which end is towards which run."""
    bar = axes[0].figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=note_size())
    bar.ax.set_ylabel(literal(drawn.label), fontsize=note_size(), color=palette().faint)
    if drawn.towards_clean:
        ends = ("corrupted", "clean") if drawn.towards_clean > 0 else ("clean", "corrupted")
        # Half a line beyond the ends of the bar, where its first and its last number stand.
        for at, va, run in ((0, "top", ends[0]), (1, "bottom", ends[1])):
            bar.ax.annotate(
                run, (0, at), xytext=(0, (at - 0.5) * 1.4 * note_size()), xycoords="axes fraction",
                textcoords="offset points", va=va, fontsize=note_size(), color=palette().runs[run],
            )  # fmt: skip
