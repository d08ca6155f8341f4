"""What a good fit has to beat: a line, random features, and the luckiest of many random sets of periods."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from patchwidgets.helix.basis import CIRCLES, HELIX, LINE, POLYNOMIAL, Basis
from patchwidgets.helix.fit import cross_validated_r2, fit, pca_reconstruction, r2

PERIOD_RANGE = (2.0, 200.0)


def compare(
    numbers: Sequence[int],
    activations: ArrayLike,
    held_out: Sequence[int],
    sets: int = 1000,
    seed: int = 0,
) -> dict[str, float]:
    """R² on numbers that were held out, of the helix and of everything it is compared with.

    Parameters
    ----------
    numbers, activations
        All numbers, and their activations ``[number, d]``.
    held_out
        Those of the numbers that no fit sees.
    sets
        How many random sets of as many periods as the helix has, each with a linear part. The set that does best
        *on the held-out numbers* counts, which flatters it.

    Returns
    -------
    dict
        From ``helix``, ``circles``, ``polynomial``, ``line``, ``random features``, ``random periods`` and ``PCA``
        (principal components as many as the helix has features, shown the held-out activations themselves, so no
        prediction but a bound) to R².
    """
    x, y = np.asarray(numbers), np.asarray(activations, dtype=np.float64)
    unseen = np.isin(x, held_out)
    bases = {"helix": HELIX, "circles": CIRCLES, "polynomial": POLYNOMIAL, "line": LINE}
    found = {name: _held_out_r2(basis.features(x), y, unseen) for name, basis in bases.items()}
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((len(x), len(HELIX)))
    lucky = max(_held_out_r2(random_basis(rng).features(x), y, unseen) for _ in range(sets))
    pca = r2(y[unseen], pca_reconstruction(y[~unseen], y[unseen], len(HELIX)))
    return found | {
        "random features": _held_out_r2(noise, y, unseen),
        "random periods": lucky,
        "PCA": pca,
    }


def _held_out_r2(features: ArrayLike, activations: ArrayLike, unseen: ArrayLike) -> float:
    x, y, test = np.asarray(features), np.asarray(activations), np.asarray(unseen)
    return fit(x[~test], y[~test]).r2(x[test], y[test])


def random_basis(rng: np.random.Generator) -> Basis:
    """As many periods as the helix has, log-uniform from 2 to 200, and a linear part."""
    low, high = np.log(PERIOD_RANGE)
    periods = np.exp(rng.uniform(low, high, size=len(HELIX.periods)))
    return Basis(tuple(periods.tolist()))


def choose_layer(
    numbers: Sequence[int], activations: Sequence[ArrayLike], basis: Basis = HELIX
) -> int:
    """The layer at which a basis fits best, judged by cross-validation on these numbers alone.

    Parameters
    ----------
    activations
        One array ``[number, d]`` per layer.
    """
    scores = [cross_validated_r2(basis.features(numbers), each) for each in activations]
    return int(np.argmax(scores))
