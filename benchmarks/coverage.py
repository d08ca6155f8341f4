"""How often intervals of 95 % over pairs contain the true value, for few and for skewed pairs.

    python -m benchmarks.coverage

Prints a table: pairs, their distribution, and the coverage of the mean (effect) and of the ratio of means (recovery),
by the package's intervals and by the bootstrap of quantiles. Takes about a minute.
"""

import numpy as np
from jaxtyping import Float

from patchwidgets.intervals import mean_interval
from patchwidgets.sweep.over_pairs import ratio_interval

SAMPLES, DRAWS = 4000, 400
MEAN, DISTANCE = 1.0, 2.0
"""True means of patched − corrupted and of clean − corrupted; their ratio is the true recovery."""

Array = Float[np.ndarray, "sample pair"]


def draw(rng: np.random.Generator, skewed: bool, pairs: int) -> tuple[Array, Array]:
    """Draw correlated pairs: normal, or exponential."""
    shape = (SAMPLES, pairs)
    noise = [
        rng.exponential(size=shape) - 1 if skewed else rng.standard_normal(shape) for _ in range(2)
    ]
    below = DISTANCE + 0.7 * noise[0]
    return MEAN + 0.35 * noise[0] + 0.5 * noise[1], below


def bootstrap(
    rng: np.random.Generator, above: Array, below: Array
) -> tuple[Float[np.ndarray, "sample 2"], Float[np.ndarray, "sample 2"]]:
    """Return the middle 95 % of resampled means and ratios of means."""
    chosen = rng.integers(0, above.shape[1], (DRAWS, above.shape[1]))
    means, wholes = (each[:, chosen].mean(-1) for each in (above, below))
    quantiles = (0.025, 0.975)
    return np.quantile(means, quantiles, axis=1).T, np.quantile(means / wholes, quantiles, axis=1).T


def covered(bounds: Float[np.ndarray, "sample 2"], true: float) -> float:
    """Return how often bounds contain the true value; without bounds nothing is excluded."""
    bounds = np.nan_to_num(bounds - true, nan=0.0)
    return float(((bounds[:, 0] <= 0) & (bounds[:, 1] >= 0)).mean())


def row(pairs: int, skewed: bool) -> str:
    rng = np.random.default_rng(pairs + skewed)
    above, below = draw(rng, skewed, pairs)
    ratios = [ratio_interval(a, b) for a, b in zip(above, below, strict=True)]
    resampled = bootstrap(rng, above, below)
    figures = (
        covered(np.stack(mean_interval(above), -1), MEAN),
        covered(resampled[0], MEAN),
        covered(np.array(ratios), MEAN / DISTANCE),
        covered(resampled[1], MEAN / DISTANCE),
    )
    kind = "skewed" if skewed else "normal"
    return f"| {pairs} | {kind} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |"


def main() -> None:
    print("| pairs | distribution | mean | bootstrap | ratio of means | bootstrap |")
    print("|---:|---|---:|---:|---:|---:|")
    for pairs in (5, 10, 20, 50):
        for skewed in (False, True):
            print(row(pairs, skewed))


if __name__ == "__main__":
    main()
