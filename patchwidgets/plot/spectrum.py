"""Of which periods a representation of numbers consists."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.helix.spectrum import Spectrum
from patchwidgets.plot.axes import aspect, checked, lines, new_axes
from patchwidgets.plot.colours import palette
from patchwidgets.plot.point_names import along, name_points
from patchwidgets.plot.texts import set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def spectrum(
    power: Spectrum, k: int = 5, title: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw the part of the variance at each period.

    Parameters
    ----------
    power
        From ``pw.helix.spectrum(...)``.
    k
        How many of the strongest periods are named.
    title
        Above it; by default none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        A bar for each number of waves in the whole range of numbers, as of a Fourier spectrum; the `k` strongest are
        dark, with their period.

    Raises
    ------
    PatchError
        Not a spectrum.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> power = pw.helix.spectrum(pw.helix.number_activations(model, "L0.resid_pre"))
    >>> ax = pw.plot.spectrum(power, k=2, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts], ax.get_xlabel()
    (['100', '5'], 'frequency (cycles in 100 numbers)')
    """
    power = checked(power, Spectrum, "pw.helix.spectrum(...)")
    ax = new_axes(max(aspect(0.4), lines(13))) if ax is None else ax
    colours, waves = palette(), np.arange(1, len(power.power) + 1)
    strongest = np.argsort(-power.power, kind="stable")[:k]
    filled = [colours.ink if i in strongest else colours.faint for i in range(len(waves))]
    ax.bar(waves, power.power, 0.8, color=filled)
    ax.margins(x=0.03, y=0.2)
    names = [f"{power.periods[i]:.3g}" for i in strongest]
    tops = np.stack([waves, power.power], axis=-1)
    bars = along(np.stack([tops * [1, 0], tops], axis=1))
    name_points(ax, names, tops[strongest], dots=bars)
    ax.set_xlabel(f"frequency (cycles in {round(float(power.periods[0]))} numbers)")
    ax.set_ylabel("fraction of variance")
    ax.spines[["top", "right"]].set_visible(False)
    named = "bars are named by their period" if k and title is None else ""
    set_title(ax, [named], title)
    return ax
