"""A sweep as a map: layers upwards or downwards, heads or positions to the right, one quantity as colour."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import PatchError, SiteError
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.plot.axes import aspect, checked, lines, mark_estimate, new_axes
from patchwidgets.plot.map_axes import height_of_names, label_axes
from patchwidgets.plot.map_cells import (
    beyond,
    draw_cells,
    draw_colour_bar,
    draw_marks,
    write_numbers,
)
from patchwidgets.plot.quantity import Drawn, Quantity, about, component_of, read
from patchwidgets.plot.texts import set_title
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

ROW = 0.9
"""Lines of text that a row of a new map is high; the map is between `LOWEST` and `HIGHEST` parts of its width high."""
LOWEST, HIGHEST = 0.3, 0.85


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
        hatched and says its method. Positions have the names that the task gives them as numbers, such as ``@b``, and
        the token that all pairs have there; bold, where prompts differ.

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
    image = draw_cells(ax, drawn, ends, cmap)
    marks = {"× no counterpart": drawn.unpatchable, "▲ off the scale": beyond(drawn, ends)}
    label_axes(ax, result, [note for note, cells in marks.items() if cells.any()])
    draw_marks(ax, drawn, ends)
    if annotate:
        write_numbers(ax, image, drawn)
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
    """Inches of a new figure."""
    n_layers = result.to_xarray().sizes["layer"]
    width = aspect(1) if width is None else width
    cells = min(max(lines(n_layers * ROW), LOWEST * width), HIGHEST * width)
    return cells + lines(5) + height_of_names(result)
