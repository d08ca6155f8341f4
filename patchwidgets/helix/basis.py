"""Functions of a number that a representation may be made of: waves of given periods and powers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Basis:
    """Cosine and sine of each period, and the powers of the number from 1 to `degree`.

    Parameters
    ----------
    periods
        In units of the number; with none there are only powers.
    degree
        0: no powers, only circles. 1: a linear part, which makes a helix of the circles.
    """

    periods: tuple[float, ...] = (2, 5, 10, 100)
    degree: int = 1

    def __len__(self) -> int:
        """How many features, the constant not counted."""
        return 2 * len(self.periods) + self.degree

    def features(self, numbers: ArrayLike) -> Floats:
        """The features of each number, ``[number, feature]``; powers are of ``number / 100``."""
        n = np.asarray(numbers, dtype=np.float64)
        waves = [
            wave(2 * np.pi * n / period) for period in self.periods for wave in (np.cos, np.sin)
        ]
        powers = [(n / 100) ** k for k in range(1, self.degree + 1)]
        return np.stack([*waves, *powers], axis=1) if len(self) else np.zeros((len(n), 0))

    @property
    def names(self) -> list[str]:
        """The name of each feature: ``cos 10`` is the cosine of period 10, ``n^1`` the linear part."""
        waves = [f"{wave} {period:g}" for period in self.periods for wave in ("cos", "sin")]
        return waves + [f"n^{k}" for k in range(1, self.degree + 1)]


HELIX = Basis()
"""The generalised helix of arXiv 2502.00873: circles of periods 2, 5, 10 and 100, and a linear part."""

CIRCLES = Basis(degree=0)
LINE = Basis(periods=())
POLYNOMIAL = Basis(periods=(), degree=9)
"""As many features as the helix."""


def sums(basis: Basis, operands: ArrayLike, terms: Sequence[str] = ("a", "b", "a+b")) -> Floats:
    """The features of two operands and of their sum, side by side.

    Parameters
    ----------
    operands
        `a` and `b`, ``[pair, 2]``.
    terms
        Which of ``"a"``, ``"b"`` and ``"a+b"``.

    Returns
    -------
    array
        ``[pair, len(terms) × len(basis)]``.
    """
    a, b = np.asarray(operands).T
    values = {"a": a, "b": b, "a+b": a + b}
    return np.concatenate([basis.features(values[term]) for term in terms], axis=1)
