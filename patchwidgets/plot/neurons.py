"""Neurons: one over a grid of operands, and how much of a model a few of them keep."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import PatchError
from patchwidgets.methods.circuits.circuit_result import rest_in_words
from patchwidgets.methods.circuits.curve_result import FaithfulnessCurve
from patchwidgets.plot.axes import new_axes, square
from patchwidgets.plot.faithfulness import check_curves, draw_curves
from patchwidgets.plot.numbers import percent
from patchwidgets.plot.texts import literal, note_size, set_title
from patchwidgets.sites import Site

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST = 0.9
"""Of the faithfulness: the title says what the fewest neurons of the curve have that have so much."""


def neuron_map(
    activations: Float[np.ndarray, "a b"],
    *,
    axes: tuple[str, str] = ("a", "b"),
    limits: tuple[float, float] | None = None,
    cmap: "str | Colormap | None" = None,
    title: str | None = None,
    cbar: bool = True,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw one neuron's activation, or another number, for each pair of operands.

    Parameters
    ----------
    activations
        For each `a` (upwards, from 0) and each `b` (to the right), ``[a, b]``.
    axes
        The names of the two operands.
    limits
        The lowest and the highest activation of the colours; by default those that are there.
    cmap
        A colour scale of matplotlib; by default that of ``rcParams["image.cmap"]``, which is read well in grey.
    title
        What stands above; nothing by default.
    cbar
        Whether to draw the colour bar.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        One square cell for each pair of operands.

    Raises
    ------
    PatchError
        Not one number for each pair.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> prompts = [f"{a}+{b}=" for a in range(8) for b in range(5)]
    >>> neuron = model.run(prompts)["L3.N5.neuron_pre@-1"].numpy().reshape(8, 5)
    >>> ax = pw.plot.neuron_map(neuron, title="L3.N5", ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.images[0].get_array().shape
    ('b', 'a', (8, 5))
    """
    values = _checked_map(activations)
    ax = new_axes(square()) if ax is None else ax
    low, high = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    image = ax.imshow(
        np.ma.masked_invalid(values),
        origin="lower",
        vmin=low,
        vmax=high,
        cmap=cmap,
        interpolation="nearest",
    )
    ax.set_xlabel(literal(axes[1]))
    ax.set_ylabel(literal(axes[0]))
    ax.locator_params(integer=True)
    ax.spines[:].set_visible(False)
    set_title(ax, [], title)
    if cbar:
        _draw_bar(image, [ax])
    return ax


def neuron_maps(
    maps: Mapping[str, Float[np.ndarray, "a b"]],
    *,
    axes: tuple[str, str] = ("a", "b"),
    limits: tuple[float, float] | None = None,
    cmap: "str | Colormap | None" = None,
    columns: int = 2,
) -> "Figure":
    """Draw several maps of neurons, such as a neuron and its fit, with one range of colours and one colour bar.

    Parameters
    ----------
    maps
        By title, each as for `neuron_map`.
    axes, limits, cmap
        As for `neuron_map`; by default the limits are those of the first map, so that a fit is seen on its neuron's.
    columns
        The number of maps in a row.

    Returns
    -------
    Figure
        ``figure.axes`` are the maps in their order, then the bar.

    Raises
    ------
    PatchError
        No maps, or as for `neuron_map`.

    Examples
    --------
    >>> prompts = [f"{a}+{b}=" for a in range(8) for b in range(5)]
    >>> neuron = model.run(prompts)["L3.N5.neuron_pre@-1"].numpy().reshape(8, 5)
    >>> figure = pw.plot.neuron_maps({"L3.N5": neuron, "its mean by a": neuron.mean(1, keepdims=True).repeat(5, 1)})
    >>> [ax.get_title(loc="left") for ax in figure.axes]
    ['L3.N5', 'its mean by a', '']
    """
    from matplotlib import pyplot as plt
    from matplotlib import rcParams

    if not maps:
        raise PatchError(
            "Expected one or more maps by title, as in {'L3.N5': activations}; got none."
        )
    values = {name: _checked_map(each) for name, each in maps.items()}
    first = next(iter(values.values()))
    low, high = limits or (float(np.nanmin(first)), float(np.nanmax(first)))
    columns = max(1, min(columns, len(maps)))
    rows = -(-len(maps) // columns)
    width = rcParams["figure.figsize"][0]
    figure, grid = plt.subplots(
        rows, columns, figsize=(width, rows * 1.05 * width / columns), layout="constrained", squeeze=False
    )  # fmt: skip
    for unused in grid.flat[len(maps) :]:
        unused.remove()
    shown = list(grid.flat[: len(maps)])
    for ax, (name, each) in zip(shown, values.items(), strict=True):
        neuron_map(each, axes=axes, limits=(low, high), cmap=cmap, title=name, cbar=False, ax=ax)
    _draw_bar(shown[0].images[0], shown)
    return figure


def neurons_kept(
    *curves: FaithfulnessCurve,
    labels: Sequence[str] | None = None,
    metric: str | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw how much of what a model does is left when only so many neurons are kept, on a logarithmic axis.

    Parameters
    ----------
    *curves
        From ``exp.faithfulness_curve(neurons, ...)`` with the scores of neurons, such as ``exp.sweep("neuron", ...)``;
        the rest corrupted, or at its mean with ``ablation=pw.sources.mean(...)``. Up to four.
    labels, metric, title, ax
        As for `faithfulness`.

    Returns
    -------
    Axes
        As from `faithfulness`, over the number of neurons. The title says of the first curve how
        much the fewest neurons keep that keep 90 % or more.

    Raises
    ------
    PatchError
        As for `faithfulness`, or a curve of something else than neurons.
    MetricError
        The experiment does not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> neurons = exp.sweep("neuron", layers=[1], progress=False)
    >>> curve = exp.faithfulness_curve(neurons, (0.01, 0.1, 1), n_random=0, progress=False)
    >>> ax = pw.plot.neurons_kept(curve, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.lines[-1].get_xdata().tolist()
    ('neurons kept, of 512', [5, 51, 512])
    """
    of_neurons = check_curves(curves)
    for curve in of_neurons:
        _check_neurons(curve)
    ax = draw_curves(of_neurons, labels, metric, lambda curve: np.array(curve.n_kept), ax)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    counts = sorted({curve.n_scored for curve in of_neurons})
    ax.set_xlabel(f"neurons kept, of {' or '.join(f'{count:,}' for count in counts)}")
    set_title(ax, _enough(of_neurons[0], metric), title)
    return ax


def _check_neurons(curve: FaithfulnessCurve) -> None:
    others = [
        str(member)
        for member in curve.circuits[-1]
        if not (isinstance(member, Site) and member.component.startswith("neuron"))
    ]
    if others:
        raise PatchError(
            f"Expected a curve over neurons, as from exp.faithfulness_curve(exp.sweep('neuron', layers=[3])); this one "
            f"has {others[0]}. pw.plot.faithfulness draws curves of other nodes and of edges."
        )


def _enough(curve: FaithfulnessCurve, metric: str | None) -> list[str]:
    reading = curve[metric or next(iter(curve.readings))]
    enough = np.flatnonzero(reading.faithfulness >= MOST)
    count = ""
    if enough.size:
        kept, left = curve.n_kept[enough[0]], float(reading.faithfulness[enough[0]])
        count = f"{kept:,} of {curve.n_scored:,} neurons: {percent(left)} of the effect"
    return [f"the rest {rest_in_words(curve.ablation)}", count]


def _checked_map(activations: Any) -> Float[np.ndarray, "a b"]:
    values = np.asarray(activations)
    if (
        values.ndim != 2
        or not values.size
        or values.dtype.kind not in "fiu"
        or not np.isfinite(values).any()
    ):
        raise PatchError(
            f"Expected a number for each pair of operands, [a, b]; got {values.dtype} of shape {values.shape}. Reshape "
            "the activations of one neuron, as in run['L3.N5@-1'].numpy().reshape(100, 100)."
        )
    return np.asarray(values, dtype=np.float64)


def _draw_bar(image: "AxesImage", axes: "list[Axes]") -> None:
    bar = axes[0].figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=note_size())
    bar.ax.set_ylabel("activation", fontsize=note_size())
