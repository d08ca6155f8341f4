"""The periods of which a representation of numbers consists, and the line along its first principal component."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import ArrayLike

from patchwidgets.helix.fit import principal_components
from patchwidgets.helix.representations import (
    TEMPLATE,
    number_activations,
    single_token_numbers,
)
from patchwidgets.models.model import Model
from patchwidgets.sites import Site


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power by period; from `spectrum`.

    Attributes
    ----------
    periods
        From the longest, which equals the number of numbers, down to 2, or to a little more than 2 for an odd number
        of numbers, ``[period]``.
    power
        The fraction of the variance over the numbers, summed over all dimensions, ``[period]``. Adds up to 1.
    """

    periods: Float[np.ndarray, "period"]
    power: Float[np.ndarray, "period"]

    def strongest(self, k: int = 5) -> list[tuple[float, float]]:
        """List the `k` periods with the most power, each with its fraction of the variance.

        Examples
        --------
        >>> wave = [[n % 2] for n in pw.helix.NUMBERS]
        >>> pw.helix.spectrum(wave).strongest(1)
        [(2.0, 1.0)]
        """
        order = np.argsort(-self.power)[:k]
        return [(float(self.periods[i]), float(self.power[i])) for i in order]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each period: columns `period` and `power`.

        Examples
        --------
        >>> pw.helix.spectrum([[n % 2] for n in range(4)]).to_frame().values.tolist()
        [[4.0, 0.0], [2.0, 1.0]]
        """
        return pd.DataFrame({"period": self.periods, "power": self.power})


@dataclass(frozen=True, eq=False)
class FirstComponent:
    """The first principal component of activations over numbers; from `first_component`.

    Attributes
    ----------
    numbers
        The numbers.
    values
        Where each number lies along it, from the mean, ``[number]``; larger numbers on the side of larger values.
    variance
        The fraction of the variance over all dimensions that it has.
    r2
        How much of it is linear in the number: the squared correlation.
    slope, constant
        Of the line through it: ``constant + slope × number``.
    """

    numbers: tuple[int, ...]
    values: Float[np.ndarray, "number"]
    variance: float
    r2: float
    slope: float
    constant: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each number: columns `number`, `value` and `line`.

        Examples
        --------
        >>> first = pw.helix.first_component([[0, 1], [2, 1], [4, 1]])
        >>> first.to_frame().round(1).values.tolist()
        [[0.0, -2.0, -2.0], [1.0, 0.0, 0.0], [2.0, 2.0, 2.0]]
        """
        line = self.constant + self.slope * np.asarray(self.numbers)
        return pd.DataFrame({"number": self.numbers, "value": self.values, "line": line})


@dataclass(frozen=True, eq=False)
class NumberSpectrum(Spectrum):
    """The spectrum of a site over consecutive numbers; from `number_spectrum`.

    Attributes
    ----------
    site
        Where the numbers were read.
    numbers
        Which.
    first
        Their first principal component.
    """

    site: Site
    numbers: tuple[int, ...]
    first: FirstComponent

    def __repr__(self) -> str:
        strongest = ", ".join(f"{period:.3g}" for period, _ in self.strongest(3))
        return (
            f"NumberSpectrum({self.site}, {self.numbers[0]} to {self.numbers[-1]}: strongest periods {strongest}; "
            f"first component {self.first.variance:.2f} of the variance, R² {self.first.r2:.2f} with the number)"
        )


def spectrum(activations: ArrayLike) -> Spectrum:
    """Compute the discrete Fourier spectrum of activations over consecutive numbers, without the mean.

    A straight line over the numbers shows at the longest periods.

    Parameters
    ----------
    activations
        ``[number, d]``, of consecutive numbers.

    Returns
    -------
    Spectrum
        The fraction of the variance at each period.

    Examples
    --------
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> [(period, round(power, 2)) for period, power in pw.helix.spectrum(activations).strongest(3)]
    [(100.0, 0.42), (5.0, 0.23), (2.0, 0.1)]
    """
    y = np.asarray(activations, dtype=np.float64)
    power = (np.abs(np.fft.rfft(y - y.mean(0), axis=0)) ** 2).sum(1)
    # Each frequency also stands for its negative one, except period 2, which has none.
    power[1 : (len(y) + 1) // 2] *= 2
    return Spectrum(len(y) / np.arange(1, len(power)), power[1:] / power[1:].sum())


def first_component(activations: ArrayLike, numbers: Sequence[int] | None = None) -> FirstComponent:
    """Compute the first principal component of activations, and how linear in the number it is.

    Parameters
    ----------
    activations
        ``[number, d]``.
    numbers
        By default 0, 1, 2 …

    Returns
    -------
    FirstComponent
        Along it, with the line through it.

    Examples
    --------
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> first = pw.helix.first_component(activations)
    >>> round(first.variance, 2), round(first.r2, 2)
    (0.28, 0.88)
    """
    y = np.asarray(activations, dtype=np.float64)
    n = np.arange(len(y)) if numbers is None else np.asarray(numbers)
    space = principal_components(1).fit(y)
    values = space.transform(y)[:, 0]
    slope, constant = np.polyfit(n, values, 1)
    if slope < 0:
        values, slope, constant = -values, -slope, -constant
    return FirstComponent(
        tuple(n.tolist()),
        values,
        float(space.explained_variance_ratio_[0]),
        float(np.corrcoef(n, values)[0, 1] ** 2),
        float(slope),
        float(constant),
    )


def number_spectrum(
    model: Model,
    site: str | Site = "L0.resid_pre",
    numbers: Sequence[int] | None = None,
    template: str = TEMPLATE,
) -> NumberSpectrum:
    """Compute the spectrum of a site over numbers, and its first principal component: figure 2 of the paper.

    Parameters
    ----------
    model
        From `load` or `wrap`.
    site
        Without a position; the paper's is ``L0.resid_post``.
    numbers
        Consecutive numbers; the paper's are ``range(361)``. By default from 0 on as many hundreds as there are single
        tokens, so that waves of periods 2, 5, 10 and 100 have whole numbers of turns: in GPT-J 0 to 499.
    template
        The prompt in which they are read.

    Returns
    -------
    NumberSpectrum
        A `Spectrum`, which `pw.plot.spectrum` draws, with ``first``, which `pw.plot.first_component` draws.

    Raises
    ------
    TaskError
        A number is no single token.

    Examples
    --------
    >>> pw.helix.number_spectrum(model, numbers=range(100))
    NumberSpectrum(L0.resid_pre, 0 to 99: strongest periods 100, 5, 2; first component 0.28 ...)
    """
    if numbers is None:
        found = single_token_numbers(model, template)
        numbers = found[: len(found) - len(found) % 100] or found
    activations = number_activations(model, site, numbers, template)
    found_spectrum = spectrum(activations)
    first = first_component(activations, numbers)
    return NumberSpectrum(
        found_spectrum.periods, found_spectrum.power, Site.parse(site), tuple(numbers), first
    )
