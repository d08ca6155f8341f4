"""The periods of which a representation of numbers consists."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike


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
