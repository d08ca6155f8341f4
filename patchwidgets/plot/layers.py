"""A sweep by depth: the recovery of every cell against its layer, with the spread over pairs."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from patchwidgets.errors import SiteError
from patchwidgets.plot.axes import checked, literal, mark_estimate, name_points, new_axes, set_title
from patchwidgets.plot.colours import FAINT, RUN_COLOURS
from patchwidgets.sweep.in_words import in_a_title
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


def layers(
    result: SweepResult, metric: str | None = None, label: int = 5, ax: "Axes | None" = None
) -> "Axes":
    """Draw the recovery by layer: a line for a sweep over layers alone, else one dot per cell.

    Parameters
    ----------
    result
        From ``exp.sweep(...)``, over layers.
    metric
        By default the experiment's first one.
    label
        The number of dots that get the name of their site: those of the largest effect.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        0 is the corrupted run and 1 the clean one. Vertical bars are intervals of 95 % over pairs, from five on.
        Estimates are hatched and say their method.

    Raises
    ------
    SiteError
        The sweep has no axis of layers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> heads = exp.sweep("z", progress=False)
    >>> ax = pw.plot.layers(heads, label=1, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts], ax.get_ylabel()
    (['L0.H1'], 'recovery (logit_diff)')
    """
    result = checked(result, SweepResult, "exp.sweep(...)")
    if "layer" not in result.axes:
        raise SiteError(
            f"This sweep runs over {', '.join(result.axes) or 'nothing'}, but layers are needed. "
            "Sweep a component, as in exp.sweep('z'), or use result.to_frame()."
        )
    ax = new_axes((7, 3)) if ax is None else ax
    over_pairs = result.over_pairs(metric)
    layer = _layer_of_cells(result.axes, over_pairs)
    recovery = over_pairs["recovery"].values.ravel()
    only_layers = result.axes == ("layer",)
    for level in (0, 1):
        ax.axhline(level, color=FAINT, lw=0.6, zorder=0)
    ax.plot(
        layer,
        recovery,
        "o-" if only_layers else "o",
        color=RUN_COLOURS["patched"],
        markersize=3.2,
        lw=1.2,
    )
    _draw_spread(ax, over_pairs, layer)
    if not only_layers:
        names = result.site_names()
        cells = [names.index(site) for site in result.top_sites(label, metric)]
        ax.margins(x=0.1)
        name_points(ax, [names[i] for i in cells], np.stack([layer, recovery], -1)[cells])
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("layer")
    ax.set_ylabel(literal(f"recovery ({metric or result.metrics[0]})"))
    attrs = result.attrs
    set_title(ax, [attrs["component"], attrs["direction"], *in_a_title(result.to_xarray())])
    mark_estimate(ax, result.attrs.get("estimate", ""))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _layer_of_cells(axes: tuple[str, ...], over_pairs: "xr.Dataset") -> Int[np.ndarray, "cell"]:
    along_layers = [-1 if axis == "layer" else 1 for axis in axes]
    layer = over_pairs["layer"].values.reshape(along_layers)
    return np.broadcast_to(layer, over_pairs["zero"].shape).ravel()


def _draw_spread(ax: "Axes", over_pairs: "xr.Dataset", layer: Int[np.ndarray, "cell"]) -> None:
    low, high = (over_pairs[f"recovery_{end}"].values.ravel() for end in ("low", "high"))
    if not np.isnan(low).all():
        ax.vlines(layer, low, high, color=RUN_COLOURS["patched"], lw=0.8, alpha=0.5)
