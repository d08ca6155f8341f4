"""How a model adds: fits by layer, the line along numbers, roles of neurons."""

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from patchwidgets.errors import PatchError, shown
from patchwidgets.helix.layer_fits import TRUE, LayerFits
from patchwidgets.helix.roles import NeuronRoles
from patchwidgets.helix.spectrum import FirstComponent, NumberSpectrum
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.axes import aspect, checked, guides, new_axes, stroke
from patchwidgets.plot.colours import palette
from patchwidgets.plot.point_names import name_points
from patchwidgets.plot.texts import literal, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FitQuantity = Literal["relative", "effect", "share", "r2"]

STYLES: tuple[dict[str, Any], ...] = (
    {"marker": "o"},
    {"marker": "s", "markerfacecolor": "none", "linestyle": (0, (4, 1.5))},
    {"marker": "^", "linestyle": ":"},
    {"marker": "x", "linestyle": "-."},
    {"marker": "D", "markerfacecolor": "none", "linestyle": (0, (1, 1))},
    {"marker": "+", "linestyle": (0, (6, 1, 1, 1))},
)
"""How one fit is told from the others, also in grey."""


def by_layer(
    fits: LayerFits,
    quantity: FitQuantity = "effect",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw what fits do by layer, beside the activation that they are to replace.

    Parameters
    ----------
    fits
        From ``pw.helix.compare_by_layer(...)`` or ``pw.helix.fit_by_layer(...)``.
    quantity
        ``"effect"`` in the unit of the metric, ``"share"`` of the difference of both runs, ``"relative"`` to the true
        activation's effect, or ``"r2"``.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        The thick line is the true activation (of R² and relative effects it is 1). Of effects, the band is its
        interval of 95 %. Where the true effect is within the noise floor, relative effects are left out.

    Raises
    ------
    PatchError
        Not such fits, or no such quantity.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> additions = pw.Experiment(model, pw.tasks.addition(8))
    >>> fits = pw.helix.compare_by_layer(additions, layers=[0, 1])
    >>> ax = pw.plot.by_layer(fits, "r2", ax=Figure().subplots())
    >>> ax.get_ylabel(), [text.get_text() for text in ax.get_legend().get_texts()][:3]
    ('R² on unseen numbers', ['helix', 'circles', 'polynomial'])
    """
    fits = checked(fits, LayerFits, "pw.helix.compare_by_layer(...) or fit_by_layer(...)")
    if quantity not in get_args(FitQuantity):
        raise PatchError(
            f"There is no quantity {shown(quantity)} of fits; there are {', '.join(get_args(FitQuantity))}."
        )
    ax = new_axes(aspect(0.6)) if ax is None else ax
    values, colours = getattr(fits, quantity), palette()
    constant = quantity in ("relative", "r2")
    guides(ax, y=(0, 1) if constant or quantity == "share" else (0,))
    if not constant:
        ax.plot(fits.layers, values[:, 0], color=colours.ink, lw=stroke(1.8), label=TRUE)
    if quantity == "effect" and not np.isnan(fits.low[:, 0]).all():
        band: dict[str, Any] = {"color": colours.ink, "alpha": 0.12, "lw": 0}
        ax.fill_between(fits.layers, fits.low[:, 0], fits.high[:, 0], **band)
    for i, name in enumerate(fits.fits[1:]):
        style = STYLES[i % len(STYLES)]
        colour = colours.faint if name == "PCA" else colours.runs["patched"]
        ax.plot(fits.layers, values[:, i + 1], color=colour, label=literal(name), **style)
    labels = {
        "effect": f"effect on {fits.metric}",
        "share": f"share of {fits.metric}",
        "relative": "effect / true effect",
        "r2": "R² on unseen numbers",
    }
    ax.set(xlabel="layer", ylabel=literal(labels[quantity]))
    ax.locator_params(axis="x", integer=True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6, borderaxespad=0.3)
    set_title(ax, [f"{fits.component}@{fits.pos} from fits", fits.direction], title)
    return ax


def first_component(
    component: "FirstComponent | NumberSpectrum",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the first principal component of numbers over the numbers, with the line through it.

    Parameters
    ----------
    component
        From ``pw.helix.first_component(...)`` or ``pw.helix.number_spectrum(...)``.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        One dot for each number. The title says how linear it is, and how much of the variance it has.

    Raises
    ------
    PatchError
        Neither of them.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = pw.helix.number_spectrum(model, numbers=range(100))
    >>> pw.plot.first_component(found, ax=Figure().subplots()).get_title(loc="left")
    'R² of the line 0.88, 28 % of the variance'
    """
    first = component.first if isinstance(component, NumberSpectrum) else component
    first = checked(first, FirstComponent, "pw.helix.first_component(...) or number_spectrum(...)")
    ax = new_axes(aspect(0.5)) if ax is None else ax
    frame, colours = first.to_frame(), palette()
    ax.plot(frame["number"], frame["line"], color=colours.faint, lw=stroke(), zorder=0)
    ax.plot(frame["number"], frame["value"], ".", color=colours.ink, markersize=stroke(3))
    ax.set(xlabel="number", ylabel="first principal component")
    ax.spines[["top", "right"]].set_visible(False)
    set_title(
        ax,
        [f"R² of the line {first.r2:.2f}", f"{100 * first.variance:.0f} % of the variance"],
        title,
    )
    return ax


def neuron_roles(
    roles: NeuronRoles, label: int = 3, title: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw how much of a neuron's effect is direct against how much of the sum is in it.

    Parameters
    ----------
    roles
        From ``pw.helix.neuron_roles(...)``.
    label
        How many neurons are named, those of the largest total effect.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        A dot for each neuron, of the area of its total effect; a ring is one whose total effect is negative. Effects
        within the noise floor are left out.

    Raises
    ------
    PatchError
        No such roles.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    >>> fits = pw.helix.fit_neurons(additions, 3, n_fit=200, n_test=50)
    >>> ax = pw.plot.neuron_roles(pw.helix.neuron_roles(additions, fits, n=10), label=1, ax=Figure().subplots())
    >>> len(ax.texts), ax.get_ylabel()
    (1, 'direct / total effect')
    """
    with Uninterrupted():
        from matplotlib.colors import to_rgb

    roles = checked(roles, NeuronRoles, "pw.helix.neuron_roles(...)")
    ax = new_axes(aspect(0.75)) if ax is None else ax
    frame, colours = roles.to_frame().dropna(subset=["directness"]), palette()
    guides(ax, y=(0, 1))
    size = stroke(60) * frame["total"].abs() / max(frame["total"].abs().max(), 1e-12) + stroke(4)
    colour = (*to_rgb(colours.runs["patched"]), 0.6)
    filled = [colour if total >= 0 else "none" for total in frame["total"]]
    ax.scatter(
        frame["sum_part"], frame["directness"], s=size, facecolors=filled,
        edgecolors=colours.runs["patched"], linewidths=stroke(0.6),
    )  # fmt: skip
    ax.set(xlabel="part of the waves in a+b", ylabel="direct / total effect", xlim=(-0.03, 1.03))
    ax.margins(y=0.3 if label else 0.05)
    ax.spines[["top", "right"]].set_visible(False)
    named = frame.head(label)
    names = [
        f"L{layer}.N{neuron}" for layer, neuron in zip(named["layer"], named["neuron"], strict=True)
    ]
    name_points(ax, names, named[["sum_part", "directness"]].to_numpy())
    set_title(ax, [f"{len(frame)} neurons", f"effects on {roles.metric}", roles.direction], title)
    return ax
