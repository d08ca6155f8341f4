"""One metric of a sweep over all pairs: means, ratios of means, and how much they vary between pairs."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from patchwidgets.directions import Direction, host_name
from patchwidgets.recovery import recovery, share

INTERVAL = (0.025, 0.975)
"""The quantiles between which the middle 95 % of the bootstrap lies."""


@dataclass(frozen=True, eq=False)
class PairValues:
    """One metric of a sweep, pair by pair.

    Attributes
    ----------
    value, effect
        NaN where not computed.
    clean, corrupted
        The metric in the unpatched runs.
    noise_floor
        In the unit of the metric.
    direction
        Which unpatched run is the host.
    median
        Take the median over pairs instead of the mean.
    """

    value: Float[np.ndarray, "*axes pair"]
    effect: Float[np.ndarray, "*axes pair"]
    clean: Float[np.ndarray, "pair"]
    corrupted: Float[np.ndarray, "pair"]
    noise_floor: float
    direction: Direction
    median: bool

    def over_pairs(self) -> dict[str, Float[np.ndarray, "*axes"]]:
        """`value` and `effect`, means over pairs, and `share` and `recovery`, ratios of means (or of medians)."""
        centre = np.median if self.median else np.mean
        value, clean, corrupted = (
            np.asarray(centre(each, axis=-1)) for each in (self.value, self.clean, self.corrupted)
        )
        host = clean if host_name(self.direction) == "clean" else corrupted
        effect = value - host if self.median else np.mean(self.effect, axis=-1)
        return {
            "value": value,
            "effect": np.asarray(effect),
            "share": share(effect, clean, corrupted, self.noise_floor, self.direction),
            "recovery": recovery(value, clean, corrupted, self.noise_floor),
        }

    def bootstrap(self, seed: int, draws: int) -> dict[str, Float[np.ndarray, "*axes"]]:
        """The middle 95 % of mean effect and recovery over resampled pairs: a lower and an upper bound of each.

        All are NaN for a single pair, for a median, and without draws; those of recovery also if a single resample
        has no defined recovery, because its clean and corrupted means differ by no more than the noise floor.
        """
        *shape, pairs = self.value.shape
        names = ("effect_low", "effect_high", "recovery_low", "recovery_high")
        if draws == 0 or pairs == 1 or self.median:
            return {name: np.full(shape, np.nan) for name in names}
        chosen = np.random.default_rng(seed).integers(0, pairs, (draws, pairs))
        weights = np.stack([np.bincount(row, minlength=pairs) for row in chosen]) / pairs
        clean, corrupted = weights @ self.clean, weights @ self.corrupted
        bounds = []
        for value, effect in zip(
            self.value.reshape(-1, pairs), self.effect.reshape(-1, pairs), strict=True
        ):
            recoveries = recovery(weights @ value, clean, corrupted, self.noise_floor)
            bounds.append(
                [*np.quantile(weights @ effect, INTERVAL), *np.quantile(recoveries, INTERVAL)]
            )
        columns = np.array(bounds).reshape(-1, 4).T
        return {name: column.reshape(shape) for name, column in zip(names, columns, strict=True)}
