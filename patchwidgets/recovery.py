"""Share and recovery: how far a patch moves a metric, as a fraction of the distance between two runs. Costs nothing.

Both are undefined (NaN) where the two runs differ by no more than the noise floor: how far rounding alone moves the
metric when a run is repeated in another batch. All functions take numbers or arrays, broadcast them against each other,
and return an array of the common shape.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from patchwidgets.directions import Direction, host_name, source_name

Floats = Float[np.ndarray, "..."]


def share(
    effect: ArrayLike,
    clean: ArrayLike,
    corrupted: ArrayLike,
    noise_floor: ArrayLike,
    direction: Direction,
) -> Floats:
    """Return effect / (metric(source) − metric(host)): 0 is no effect, 1 is all the way to the source.

    The scale is the same in both directions.
    """
    runs = {"clean": clean, "corrupted": corrupted}
    source, host = runs[source_name(direction)], runs[host_name(direction)]
    return fraction(effect, np.subtract(source, host), noise_floor)


def recovery(
    value: ArrayLike, clean: ArrayLike, corrupted: ArrayLike, noise_floor: ArrayLike
) -> Floats:
    """Return (metric(patched) − metric(corrupted)) / (metric(clean) − metric(corrupted)).

    0 is the corrupted run, 1 is the clean run, in both directions.
    """
    return fraction(np.subtract(value, corrupted), np.subtract(clean, corrupted), noise_floor)


def fraction(change: ArrayLike, distance: ArrayLike, noise_floor: ArrayLike) -> Floats:
    """Return change / distance; NaN where the distance is no more than the noise floor."""
    defined = np.where(np.abs(distance) > noise_floor, distance, np.nan)
    return np.asarray(change / defined, dtype=np.float64)
