"""A representation of numbers as its fit reads it: round the circle of a period, or along the line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from patchwidgets.errors import PatchError
from patchwidgets.helix.basis import HELIX, Basis
from patchwidgets.helix.fit import Fit
from patchwidgets.plot.axes import aspect, checked, every, guides, new_axes, room, stroke, tick_size
from patchwidgets.plot.colours import ink_on, palette
from patchwidgets.plot.texts import note_size, set_title, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED = 20
"""Residues of a period that are named round its circle."""


def helix(
    fit: Fit,
    activations: ArrayLike,
    numbers: Sequence[int],
    period: float | None = None,
    basis: Basis = HELIX,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw where the activations of numbers lie on a circle of a fitted helix, or along its line.

    Parameters
    ----------
    fit
        From ``pw.helix.fit_numbers(...)``.
    activations
        ``[number, d]``, as those that were fitted, or held out.
    numbers
        Which numbers they are.
    period
        The circle of this period; by default the linear part.
    basis
        That of the fit.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Each dot is a number, at the cosine and the sine that the fit reads from its activation, or at its power; on the
        circle or the line where the fit is perfect. A period with a cosine alone, such as 2, is drawn over the numbers.

    Raises
    ------
    PatchError
        Not a fit, the basis has no such period, or it is not that of the fit.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> fit = pw.helix.fit_numbers(pw.helix.NUMBERS, activations)
    >>> ax = pw.plot.helix(fit, activations, pw.helix.NUMBERS, period=5, ax=Figure().subplots())
    >>> ax.get_title(loc="left"), ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('period 5', 'cos', ['0', '1', '2', '3', '4'])
    """
    fit = checked(fit, Fit, "pw.helix.fit_numbers(...)")
    chosen = _features_of(basis, period)
    read = fit.read(activations)
    if read.shape != (len(numbers), len(basis)):
        raise PatchError(
            f"Expected activations of {len(numbers)} numbers and a fit of {len(basis)} features (the basis); "
            f"got {read.shape[0]} activations and {read.shape[1]} features."
        )
    if len(chosen) == 2:
        ax = new_axes(aspect(0.8)) if ax is None else ax
        assert period is not None
        _draw_circle(ax, read[:, chosen], np.asarray(numbers), period)
    else:
        ax = new_axes(aspect(0.5)) if ax is None else ax
        _draw_over_numbers(ax, read[:, chosen[0]], np.asarray(numbers), basis, chosen[0])
    set_title(ax, ["linear part" if period is None else f"period {period:g}"], title)
    return ax


def _features_of(basis: Basis, period: float | None) -> list[int]:
    """The columns of a period's waves, or of the linear part."""
    wanted = ["n^1"] if period is None else [f"cos {period:g}", f"sin {period:g}"]
    chosen = [basis.names.index(name) for name in wanted if name in basis.names]
    if not chosen:
        what = "a linear part" if period is None else f"period {period:g}"
        raise PatchError(f"The basis does not have {what}; it has {', '.join(basis.names)}.")
    return chosen


def _draw_circle(
    ax: "Axes",
    read: Float[np.ndarray, "number 2"],
    numbers: Float[np.ndarray, "number"],
    period: float,
) -> None:
    from matplotlib.patches import Circle
    from matplotlib.ticker import MultipleLocator

    colours = palette()
    ax.add_patch(Circle((0, 0), 1, fill=False, edgecolor=colours.faint, lw=stroke(0.5), zorder=0))
    residues = numbers % period
    drawn = ax.scatter(
        read[:, 0], read[:, 1], c=residues, cmap="twilight", vmin=0, vmax=period, linewidths=stroke(0.3),
        edgecolors=colours.ink, s=stroke(10), alpha=0.75,
    )  # fmt: skip
    named = range(int(period)) if period == int(period) and period <= MOST_NAMED else ()
    outermost = max(1.0, float(np.hypot(*read.T).max()))
    around, limit = _around(ax, outermost) if named else (0.0, 1.1 * outermost)
    for residue in named:
        angle = 2 * np.pi * residue / period
        colour = drawn.cmap(residue / period)
        ax.text(
            around * np.cos(angle), around * np.sin(angle), str(residue), ha="center", va="center",
            fontsize=note_size(), color=ink_on(colour), weight="bold",
            bbox={"boxstyle": "circle,pad=0.2", "facecolor": colour, "edgecolor": "none"},
        )  # fmt: skip
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel="cos", ylabel="sin")
    step = every(round(2 * limit), _side(ax), text_width(f"−{limit:.0f} ", tick_size("x")))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MultipleLocator(min(step, int(limit))))  # more than 0 alone
    ax.spines[["top", "right"]].set_visible(False)


def _around(ax: "Axes", outermost: float) -> tuple[float, float]:
    """How far from the middle names stand outside of all dots, and where the axes end outside of the names."""
    name = min(1.7 * note_size() / _side(ax), 0.2)
    limit = outermost / (1 - 2 * name)
    return limit * (1 - name), limit


def _side(ax: "Axes") -> float:
    """About how many points a square is wide and high in the axes."""
    return min(room(ax, "x"), room(ax, "y"))


def _draw_over_numbers(
    ax: "Axes",
    read: Float[np.ndarray, "number"],
    numbers: Float[np.ndarray, "number"],
    basis: Basis,
    column: int,
) -> None:
    colours = palette()
    true = basis.features(numbers)[:, column]
    order = np.argsort(numbers)
    name = basis.names[column]
    if name.startswith("cos"):
        guides(ax, y=sorted(set(np.round(true, 6).tolist()))[:2])
    else:
        ax.plot(numbers[order], true[order], color=colours.faint, lw=stroke(0.7), zorder=0)
    ax.plot(numbers, read, linestyle="none", marker="o", color=colours.ink, alpha=0.7)
    ax.set(
        xlabel="number",
        ylabel=f"{name if name.startswith('cos') else 'number / 100'}, as read",
    )
    ax.spines[["top", "right"]].set_visible(False)
