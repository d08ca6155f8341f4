"""The attention pattern of one head in the three runs, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.directions import RunName
from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patterns import DIFFERENCE, RUNS, pattern_of_patch
from patchwidgets.plot.axes import LINE, aspect, lines, new_axes, room, tick_size
from patchwidgets.plot.colours import palette
from patchwidgets.plot.quantity import round_up
from patchwidgets.plot.texts import families, note_size, set_title, token_label
from patchwidgets.sites import Site

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

PATCHED = "patched"
GAP, BAR = 0.05, 0.1
"""Between maps, and the room of a colour bar, in parts of the whole."""
CHANGE_COLOURS = "PRGn_r"
"""Of a difference: no run's colours; purple is more attention in the patched run."""


def pattern(
    result: PatchResult | BaseExperiment,
    head: str | Site,
    *,
    pair: int | None = None,
    difference: bool = False,
    limit: float = 1.0,
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
        The attention of the darkest colour.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Without axes of its own: the maps are its ``child_axes``, each with queries downwards and keys to the right,
        then the colour bars. As many tokens are named as have room, those that differ between the prompts first.

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
    if not limit > 0:
        raise PatchError(f"The limit of the colours is a positive number; got {limit!r}.")
    experiment = result.experiment if isinstance(result, PatchResult) else result
    patches = result.patches if isinstance(result, PatchResult) else ()
    array = pattern_of_patch(experiment, patches, head, pair)
    if "head" in array.dims:
        raise PatchError(f"Expected one head, as in 'L9.H6'; {head} are all heads of a layer.")
    runs: list[str] = [*RUNS] if patched else ["clean", "corrupted"]
    runs += [DIFFERENCE] * (difference and patched)
    ax = new_axes(aspect(0.8 / len(runs)) + lines(6)) if ax is None else ax
    _draw_maps(ax, array, runs, experiment.host_name, limit)
    over = f"mean of {array.sizes['pair']} pairs" if "pair" in array.dims else ""
    set_title(ax, [str(head), experiment.direction if patched else "", over], title)
    return ax


def _draw_maps(
    ax: "Axes", array: "xr.DataArray", runs: Sequence[str], host: RunName, limit: float
) -> None:
    ax.set_axis_off()
    mean = array.mean("pair") if "pair" in array.dims else array
    bars = [run for run in runs if run in (PATCHED, DIFFERENCE)] or [runs[0]]
    width = (1 - GAP * (len(runs) - 1) - BAR * len(bars)) / len(runs)
    images = list["AxesImage"]()
    for i, run in enumerate(runs):
        part = ax.inset_axes((i * (width + GAP), 0, width, 1))
        images.append(_draw_map(part, mean.sel(run=run), run, limit))
        _name_tokens(part, array, run, host)
        part.set_ylabel("query" if i == 0 else "")
        part.set_xlabel("key")
        name = f"patched − {host}" if run == DIFFERENCE else run
        colour = palette().runs.get(run, palette().ink)
        part.set_title(name, loc="left", color=colour, fontsize=note_size())
    for i, run in enumerate(bars):
        place = ax.inset_axes((1 - BAR * (len(bars) - i) + 0.3 * BAR, 0, 0.22 * BAR, 1))
        _draw_bar(place, images[runs.index(run)], run)


def _draw_map(part: "Axes", values: "xr.DataArray", run: str, limit: float) -> "AxesImage":
    from matplotlib.colors import LinearSegmentedColormap

    colours = palette()
    ends = (-1.0, 1.0) if run == DIFFERENCE else (0.0, limit)
    if run == DIFFERENCE:
        largest = float(np.nanmax(np.abs(values.values), initial=0.0))
        ends = (-round_up(largest), round_up(largest))
        scale: Any = CHANGE_COLOURS
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


def _name_tokens(part: "Axes", array: "xr.DataArray", run: str, host: RunName) -> None:
    """Name as many tokens as have room, those that differ first; over pairs, positions."""
    own: str = "patched" if run == DIFFERENCE else run
    several = "pair" in array.dims
    tokens = [str(token) for token in array["key_token"].sel(run=own).values] if not several else []
    other = "corrupted" if run == "clean" or (run != "corrupted" and host == "clean") else "clean"
    others = [str(token) for token in array["key_token"].sel(run=other).values] if tokens else []
    n = array.sizes["key"]
    differs = [bool(tokens) and tokens[i] != others[i] for i in range(n)]
    names = [token_label(token) if token else "" for token in tokens] or [str(i) for i in range(n)]
    for axis in ("x", "y"):
        each = LINE * tick_size(axis)
        shown = spaced(n, [i for i in range(n) if differs[i]], n * each / room(part, axis))
        getattr(part, f"set_{axis}ticks")(shown, [names[i] for i in shown])
        labels = getattr(part, f"get_{axis}ticklabels")()
        for label, place in zip(labels, shown, strict=True):
            label.set_fontfamily(families("monospace" if tokens else "sans-serif"))
            if differs[place]:
                label.set_fontweight("bold")
    part.tick_params(axis="x", rotation=90)


def spaced(count: int, first: Sequence[int], apart: float) -> list[int]:
    """Which of `count` places in a row to name, so that those named are `apart` or more from each other.

    Parameters
    ----------
    first
        Those that are named before all others; then come the last one and the first one.
    """
    named = list[int]()
    for place in (*first, count - 1, *range(count)):
        if all(abs(place - other) >= apart for other in named if other != place):
            named.append(place)
    return sorted(set(named))


def _draw_bar(place: "Axes", image: "AxesImage", run: str) -> None:
    bar = place.figure.colorbar(image, cax=place)
    bar.outline.set_visible(False)
    place.tick_params(length=0, labelsize=note_size())
    place.set_title("")
    label = "change of attention" if run == DIFFERENCE else "attention"
    place.set_ylabel(label, fontsize=note_size(), color=palette().faint)
