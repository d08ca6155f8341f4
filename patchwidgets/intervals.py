"""Intervals of means over pairs, from how much the pairs vary. How well they cover: `patchwidgets.sweep.over_pairs`."""

import numpy as np
from jaxtyping import Float

from patchwidgets.hooks.interrupts import Uninterrupted

LEVEL = 0.95
FEWEST_PAIRS = 5
"""With fewer pairs there is no interval: nothing says how skewed the pairs are."""


def student_quantile(pairs: int) -> float:
    """The quantile of Student's distribution on both sides of which 95 % lie."""
    with Uninterrupted():
        from scipy.special import stdtrit

    return float(stdtrit(pairs - 1, (1 + LEVEL) / 2))


def mean_interval(
    values: Float[np.ndarray, "*axes pair"],
) -> tuple[Float[np.ndarray, "*axes"], Float[np.ndarray, "*axes"]]:
    """Return Student's interval of a mean at 95 %, as a lower and an upper bound."""
    pairs, mean = values.shape[-1], values.mean(-1)
    half = student_quantile(pairs) * values.std(-1, ddof=1) / np.sqrt(pairs)
    return mean - half, mean + half
