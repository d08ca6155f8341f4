"""One metric of a sweep over all pairs: means, ratios of means, and intervals from how much they vary between pairs.

The interval of a mean is Student's; that of a ratio of means is Fieller's (1954), with the same quantiles. They need no
random numbers. Coverage of the true value by intervals of 95 %, from ``python -m benchmarks.coverage``:

| pairs | distribution | mean | bootstrap | ratio of means | bootstrap |
|---:|---|---:|---:|---:|---:|
| 5 | normal | 0.957 | 0.839 | 0.948 | 0.826 |
| 5 | skewed | 0.919 | 0.813 | 0.882 | 0.783 |
| 10 | normal | 0.956 | 0.909 | 0.961 | 0.911 |
| 10 | skewed | 0.916 | 0.866 | 0.900 | 0.858 |
| 20 | normal | 0.949 | 0.923 | 0.954 | 0.924 |
| 20 | skewed | 0.932 | 0.913 | 0.925 | 0.906 |
| 50 | normal | 0.955 | 0.940 | 0.951 | 0.939 |
| 50 | skewed | 0.943 | 0.925 | 0.940 | 0.926 |

The columns "bootstrap" are the quantiles of resampled pairs, which this package took before.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from patchwidgets.directions import Direction, host_name
from patchwidgets.intervals import FEWEST_PAIRS, mean_interval, student_quantile
from patchwidgets.recovery import recovery, share


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

    def intervals(self) -> dict[str, Float[np.ndarray, "*axes"]]:
        """A lower and an upper bound of mean effect and of recovery, at 95 %; NaN where `no_interval` says why.

        Those of recovery are NaN also where recovery is undefined, and where clean and corrupted differ so unlike from
        pair to pair that their mean difference may be 0: then the ratio may be anything.
        """
        names = ("effect_low", "effect_high", "recovery_low", "recovery_high")
        if self.no_interval:
            return {name: np.full(self.value.shape[:-1], np.nan) for name in names}
        distance = self.clean - self.corrupted
        of_recovery = ratio_interval(self.value - self.corrupted, distance)
        defined = abs(np.mean(distance)) > self.noise_floor
        bounds = [np.where(defined, bound, np.nan) for bound in of_recovery]
        return dict(zip(names, [*mean_interval(self.effect), *bounds], strict=True))

    @property
    def no_interval(self) -> str:
        """Why there is no interval at all; empty if there is one."""
        pairs = self.value.shape[-1]
        if self.median:
            return "none: the value over pairs is a median"
        if pairs < FEWEST_PAIRS:
            return f"too few pairs: {pairs}, and an interval needs {FEWEST_PAIRS}"
        return ""


def ratio_interval(
    above: Float[np.ndarray, "*axes pair"], below: Float[np.ndarray, "pair"]
) -> tuple[Float[np.ndarray, "*axes"], Float[np.ndarray, "*axes"]]:
    """Return Fieller's interval of mean(above) / mean(below) at 95 %; NaN where it has no bounds."""
    pairs, t = below.shape[-1], student_quantile(below.shape[-1])
    x, y = below.mean(), above.mean(-1)
    off_x, off_y = below - x, above - y[..., None]
    # Variances and covariance of the means, with Student's quantile squared.
    xx, xy, yy = (
        t**2 * each.sum(-1) / (pairs * (pairs - 1)) for each in (off_x**2, off_x * off_y, off_y**2)
    )
    scale = x**2 - xx
    inside = np.maximum((x * y - xy) ** 2 - scale * (y**2 - yy), 0)
    scale = np.where(scale > 0, scale, np.nan)
    middle, half = (x * y - xy) / scale, np.sqrt(inside) / scale
    return middle - half, middle + half
