"""Share and recovery: how far a patch moves a metric, as a part of the distance between two runs. Costs nothing.

Both are undefined, so NaN, where the two runs are equal to within the noise floor. Numbers and arrays alike: what is
given is broadcast against each other.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from patchwidgets.directions import Direction

Floats = NDArray[np.float64]


def share(
    effect: ArrayLike,
    clean: ArrayLike,
    corrupted: ArrayLike,
    noise_floor: ArrayLike,
    direction: Direction,
) -> Floats:
    """effect / (metric(source) − metric(host)): 0 is no effect, 1 all the way to the source, in both directions."""
    source, host = (clean, corrupted) if direction == "denoise" else (corrupted, clean)
    return _fraction(effect, np.subtract(source, host), noise_floor)


def recovery(
    value: ArrayLike, clean: ArrayLike, corrupted: ArrayLike, noise_floor: ArrayLike
) -> Floats:
    """(metric(patched) − metric(corrupted)) / (metric(clean) − metric(corrupted)): 0 is corrupted, 1 is clean."""
    return _fraction(np.subtract(value, corrupted), np.subtract(clean, corrupted), noise_floor)


def _fraction(change: ArrayLike, distance: ArrayLike, noise_floor: ArrayLike) -> Floats:
    apart = np.where(np.abs(distance) > noise_floor, distance, np.nan)
    return np.asarray(change / apart, dtype=np.float64)
