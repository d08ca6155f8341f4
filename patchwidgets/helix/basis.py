"""Functions of a number from which a representation may be built: waves of given periods, and powers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

Term = Literal["a", "b", "a+b"]
"""One of the two operands of an addition, or their sum."""

TERMS: tuple[Term, ...] = ("a", "b", "a+b")


@dataclass(frozen=True)
class Basis:
    """The cosine and the sine of each period, and the powers of the number from 1 to `degree`.

    A wave that has the same value at every whole number is left out, such as the sine of period 2: it tells nothing,
    and a fit would give its rounding errors enormous weights. ``len(basis)`` is the number of features, without the
    constant.

    Parameters
    ----------
    periods
        In units of the number. Without periods there are only powers.
    degree
        With 0 there are no powers, only circles; 1 adds a linear part, which turns the circles into a helix.

    Examples
    --------
    >>> basis = pw.helix.Basis(periods=(10,), degree=1)
    >>> len(basis), basis.names
    (3, ['cos 10', 'sin 10', 'n^1'])
    """

    periods: tuple[float, ...] = (2, 5, 10, 100)
    degree: int = 1

    def __len__(self) -> int:
        """The number of features, without the constant."""
        return len(self.waves) + self.degree

    @property
    def waves(self) -> list[tuple[str, float]]:
        """Each wave as ``"cos"`` or ``"sin"`` and its period, in the order of `features`.

        Examples
        --------
        >>> pw.helix.Basis(periods=(2, 5)).waves
        [('cos', 2), ('cos', 5), ('sin', 5)]
        """
        return [
            (wave, period)
            for period in self.periods
            for wave in ("cos", "sin")
            if not _is_constant(wave, period)
        ]

    def features(self, numbers: ArrayLike) -> Float[np.ndarray, "number feature"]:
        """Compute the features of each number, in the order of `names`.

        Parameters
        ----------
        numbers
            Whole numbers, ``[number]``.

        Returns
        -------
        array
            ``[number, feature]``. The powers are those of ``number / 100``.

        Examples
        --------
        >>> pw.helix.Basis(periods=(4,)).features([0, 1]).round(2).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.01]]
        """
        n = np.asarray(numbers, dtype=np.float64)
        functions = {"cos": np.cos, "sin": np.sin}
        waves = [functions[wave](2 * np.pi * n / period) for wave, period in self.waves]
        powers = [(n / 100) ** k for k in range(1, self.degree + 1)]
        return np.stack([*waves, *powers], axis=1) if len(self) else np.zeros((len(n), 0))

    @property
    def names(self) -> list[str]:
        """The name of each feature: ``cos 10`` is the cosine of period 10, ``n^1`` the linear part."""
        waves = [f"{wave} {period:g}" for wave, period in self.waves]
        return waves + [f"n^{k}" for k in range(1, self.degree + 1)]


def _is_constant(wave: str, period: float) -> bool:
    """Whether a wave is the same at every whole number: a sine at periods 2, 1, 2/3 …, a cosine at 1, 1/2, 1/3 ….

    A period so long that no turn is completed is not meant.
    """
    per_number = (2 if wave == "sin" else 1) / period
    return round(per_number) > 0 and math.isclose(per_number, round(per_number))


HELIX = Basis()
"""The generalised helix of arXiv 2502.00873: circles of periods 2, 5, 10 and 100, and a linear part: eight features."""

CIRCLES = Basis(degree=0)
"""The helix without its linear part."""

LINE = Basis(periods=())
"""The linear part of the helix alone."""

POLYNOMIAL = Basis(periods=(), degree=8)
"""Powers up to 8: as many features as the helix has."""


def sums(
    basis: Basis, operands: ArrayLike, terms: Sequence[Term] = TERMS
) -> Float[np.ndarray, "pair feature"]:
    """Put the features of two operands and of their sum side by side.

    Parameters
    ----------
    basis
        The features of one number.
    operands
        `a` and `b`, ``[pair, 2]``.
    terms
        The numbers to take the features of, in this order.

    Returns
    -------
    array
        ``[pair, len(terms) × len(basis)]``.

    Examples
    --------
    >>> pw.helix.sums(pw.helix.LINE, [(10, 20)]).round(2).tolist()
    [[0.1, 0.2, 0.3]]
    """
    a, b = np.asarray(operands).T
    values = {"a": a, "b": b, "a+b": a + b}
    return np.concatenate([basis.features(values[term]) for term in terms], axis=1)
