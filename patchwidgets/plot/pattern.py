"""The attention pattern of one head in the three runs, side by side."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patterns import DIFFERENCE, RUNS, pattern_of_patch
from patchwidgets.plot.axes import LINE, tick_size
from patchwidgets.plot.colours import LIGHT, palette
from patchwidgets.plot.pattern_maps import PATCHED, Maps, n_bars, spaced
from patchwidgets.plot.quantity import round_up
from patchwidgets.plot.texts import (
    fonts_for,
    note_size,
    set_title,
    text_width,
)
from patchwidgets.sites import Site

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MARGIN = 0.005
"""Around a new figure, in parts of it."""
CHANGES = ("#1B7837", "#762A83"), ("#7FC97F", "#C9A2E0")
"""The ends of the colours of a difference, on a light page and on a dark one: no run's; purple is more attention in the
patched run. Between them lies what stands for no change in other maps."""


def pattern(
    result: PatchResult | BaseExperiment,
    head: str | Site,
    *,
    pair: int | None = None,
    difference: bool = False,
    limit: float | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw where a head attends in the clean, the patched and the corrupted run.

    Parameters
    ----------
    result
        From ``exp.patch(...)``; of an experiment both unpatched runs are drawn.
    head
        A head such as ``"L23.H3"``.
    pair
        The number of one pair; by default the mean over all pairs, whose prompts then have one length.
    difference
        Also draw how the patch changed the pattern of its host: patched − host.
    limit
        The attention of the darkest colour; by default a round number that holds all.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Without axes of its own: the maps are its ``child_axes``, each with queries downwards and keys to the right,
        then the colour bars. As many tokens are named as have room, those that differ between the prompts first, as
        clean→corrupted at the left, where the maps share their names.

    Raises
    ------
    PatchError
        It is no result of a patch and no experiment, all heads of a layer, or a limit that is not positive.
    SiteError, RefusedError, TaskError
        As of ``result.pattern(...)``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.pattern(exp.patch("L0.H1"), "L1.H1", ax=Figure().subplots())
    >>> [part.get_title(loc="left") for part in ax.child_axes[:3]]
    ['clean', 'patched', 'corrupted']
    """
    patched = isinstance(result, PatchResult)
    if not patched and not isinstance(result, BaseExperiment):
        raise PatchError(
            f"Expected what exp.patch(...) returns, or an experiment; got {type(result).__name__}."
        )
    if limit is not None and not limit > 0:
        raise PatchError(f"The limit of the colours is a positive number; got {limit!r}.")
    experiment = result.experiment if isinstance(result, PatchResult) else result
    patches = result.patches if isinstance(result, PatchResult) else ()
    array = pattern_of_patch(experiment, patches, head, pair)
    if "head" in array.dims:
        raise PatchError(f"Expected one head, as in 'L9.H6'; {head} are all heads of a layer.")
    runs: list[str] = [*RUNS] if patched else ["clean", "corrupted"]
    runs += [DIFFERENCE] * (difference and patched)
    over = f"mean of {array.sizes['pair']} pairs" if "pair" in array.dims else ""
    parts = [str(head), experiment.direction if patched else "", over]
    if ax is not None:
        _draw_maps(ax, Maps.of(array, runs, experiment.host_name, _size(ax)), limit)
        set_title(ax, parts, title)
        return ax
    figure, ax = _new()
    maps = Maps.of(array, runs, experiment.host_name, (_size(ax)[0], None))
    set_title(ax, parts, title)
    above = (ax.get_title(loc="left").count("\n") + 2.4) * LINE * float(ax.title.get_fontsize())
    above = above if ax.get_title(loc="left") else 2.0
    height = maps.height + above
    figure.set_figheight(height / 72)
    ax.set_position((MARGIN, 0, 1 - 2 * MARGIN, maps.height / height))
    _draw_maps(ax, maps, limit)
    return ax


def _new() -> "tuple[Figure, Axes]":
    from matplotlib import pyplot as plt
    from matplotlib import rcParams

    figure = plt.figure(figsize=(rcParams["figure.figsize"][0], 1))
    return figure, figure.add_axes((MARGIN, 0, 1 - 2 * MARGIN, 1))


def _size(ax: "Axes") -> tuple[float, float]:
    per_point = 72 / ax.figure.dpi
    return float(ax.bbox.width * per_point), float(ax.bbox.height * per_point)


def _draw_maps(ax: "Axes", maps: Maps, limit: float | None) -> None:
    ax.set_axis_off()
    array = maps.array
    mean = array.mean("pair") if "pair" in array.dims else array
    largest = round_up(float(np.nanmax(mean.sel(run=[*RUNS]).values)))
    images: dict[str, AxesImage] = {}
    for i, run in enumerate(maps.runs):
        part = ax.inset_axes(maps.place(i))
        images[run] = _draw_map(part, mean.sel(run=run), run, limit or min(1.0, largest))
        _name_tokens(part, maps, run, own_queries=i % maps.columns == 0)
        part.set_ylabel("query" if i % maps.columns == 0 else "", fontsize=tick_size("y"))
        part.set_xlabel("key", fontsize=tick_size("x"))
        name = f"patched − {maps.host}" if run == DIFFERENCE else run
        if text_width(name, note_size()) > maps.side[0]:
            name = run
        colour = palette().runs.get(run, palette().ink)
        part.set_title(name, loc="left", color=colour, fontsize=note_size(), pad=2)
    shown = [PATCHED if PATCHED in images else maps.runs[0]]
    for i, run in enumerate([*shown, DIFFERENCE][: n_bars(maps.runs)]):
        _draw_bar(ax.inset_axes(maps.bar_place(i)), images[run], run)


def _draw_map(part: "Axes", values: "xr.DataArray", run: str, limit: float) -> "AxesImage":
    from matplotlib.colors import LinearSegmentedColormap

    colours = palette()
    ends = (-1.0, 1.0) if run == DIFFERENCE else (0.0, limit)
    if run == DIFFERENCE:
        largest = float(np.nanmax(np.abs(values.values), initial=0.0))
        ends = (-round_up(largest), round_up(largest))
        less, more = CHANGES[colours is not LIGHT]
        hues = [less, colours.diverging[2], more]
    else:
        hues = [colours.diverging[2], colours.runs[run]]
    scale = LinearSegmentedColormap.from_list(run, hues)
    later = np.triu(np.ones(values.shape, bool), 1)
    image = part.imshow(
        np.ma.masked_array(values.values, later | np.isnan(values.values)), cmap=scale, vmin=ends[0],
        vmax=ends[1], aspect="auto", interpolation="nearest",
    )  # fmt: skip
    part.spines[:].set_visible(False)
    part.tick_params(length=0)
    return image


def _name_tokens(part: "Axes", maps: Maps, run: str, *, own_queries: bool) -> None:
    """Name as many tokens as have room, those that differ first. Queries are those of the map at the left."""
    differs = maps.differs[run]
    first = [i for i, each in enumerate(differs) if each]
    numbered = maps.names[run][0] == "0"
    generic: Literal["sans-serif", "monospace"] = "sans-serif" if numbered else "monospace"
    for axis, side in zip("xy", maps.side, strict=True):
        names = maps.names[run] if axis == "x" else maps.queries
        apart = len(names) * LINE * tick_size(axis) / side
        shown = spaced(len(names), first, apart) if axis == "x" or own_queries else []
        getattr(part, f"set_{axis}ticks")(shown, [names[i] for i in shown])
        labels = getattr(part, f"get_{axis}ticklabels")()
        for label, place in zip(labels, shown, strict=True):
            names_of, bold = fonts_for(label.get_text(), generic, bold=differs[place])
            label.set_fontfamily(names_of)
            label.set_fontweight("bold" if bold else "normal")
    part.tick_params(axis="x", rotation=90)


def _draw_bar(place: "Axes", image: "AxesImage", run: str) -> None:
    low, high = image.get_clim()
    bar = place.figure.colorbar(image, cax=place, ticks=[low, (low + high) / 2, high], format="%g")
    bar.outline.set_visible(False)
    place.tick_params(length=0, labelsize=note_size())
    place.set_title("")
    label = "change" if run == DIFFERENCE else "attention"
    place.set_ylabel(label, fontsize=note_size(), color=palette().faint)
