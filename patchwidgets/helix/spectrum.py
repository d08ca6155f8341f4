"""Which periods a representation of numbers has."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from patchwidgets.helix.basis import Floats


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power by period.

    Attributes
    ----------
    periods
        From the longest (as many numbers as there are) to 2, ``[period]``.
    power
        Share of the variance over the numbers, summed over all dimensions, ``[period]``; adds up to 1.
    """

    periods: Floats
    power: Floats

    def strongest(self, k: int = 5) -> list[tuple[float, float]]:
        """The `k` periods with most power, each with its share."""
        order = np.argsort(-self.power)[:k]
        return [(float(self.periods[i]), float(self.power[i])) for i in order]


def spectrum(activations: ArrayLike) -> Spectrum:
    """The discrete Fourier spectrum of activations ``[number, d]`` over consecutive numbers, the mean left out.

    A straight line over the numbers shows at the longest periods.
    """
    y = np.asarray(activations, dtype=np.float64)
    power = (np.abs(np.fft.rfft(y - y.mean(0), axis=0)) ** 2).sum(1)
    power[1 : (len(y) + 1) // 2] *= (
        2  # each stands for its negative frequency too; period 2 is its own
    )
    return Spectrum(len(y) / np.arange(1, len(power)), power[1:] / power[1:].sum())
