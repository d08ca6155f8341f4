"""What a good fit has to beat: a line, random features, and the luckiest of many random sets of periods."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from patchwidgets.errors import TaskError
from patchwidgets.helix.basis import CIRCLES, HELIX, LINE, POLYNOMIAL, Basis
from patchwidgets.helix.fit import cross_validated_r2, fit, hold_out, pca_reconstruction, r2

PERIOD_RANGE = (2.0, 200.0)


def compare(
    numbers: Sequence[int],
    activations: ArrayLike,
    held_out: Sequence[int],
    sets: int = 1000,
    seed: int = 0,
) -> dict[str, float]:
    """Compute R² on held-out numbers, of the helix and of everything it is compared with.

    Parameters
    ----------
    numbers, activations
        All numbers, and their activations ``[number, d]``.
    held_out
        The numbers among them that no fit sees.
    sets
        The number of random sets of periods. Each has as many periods as the helix, and a linear part. The set that
        does best *on the held-out numbers* counts, which favours it.
    seed
        Of the random features and periods.

    Returns
    -------
    dict
        R² of ``helix``, ``circles``, ``polynomial``, ``line``, ``random features``, ``random periods`` and ``PCA``.
        PCA has as many principal components as the helix has features, and it sees the held-out activations
        themselves. It is therefore an upper bound for comparison and no prediction.

    Examples
    --------
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> fitted, held_out = pw.helix.hold_out(pw.helix.NUMBERS)
    >>> r2 = pw.helix.compare(pw.helix.NUMBERS, activations, held_out, sets=20)
    >>> round(r2["helix"], 2), round(r2["line"], 2)
    (0.76, 0.26)
    """
    x, y = np.asarray(numbers), np.asarray(activations, dtype=np.float64)
    unseen = np.isin(x, held_out)
    bases = {"helix": HELIX, "circles": CIRCLES, "polynomial": POLYNOMIAL, "line": LINE}
    scores = {name: _held_out_r2(basis.features(x), y, unseen) for name, basis in bases.items()}
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((len(x), len(HELIX)))
    luckiest = max(_held_out_r2(random_basis(rng).features(x), y, unseen) for _ in range(sets))
    reconstruction = pca_reconstruction(y[~unseen], y[unseen], len(HELIX))
    return scores | {
        "random features": _held_out_r2(noise, y, unseen),
        "random periods": luckiest,
        "PCA": r2(y[unseen], reconstruction),
    }


def compare_splits(
    numbers: Sequence[int],
    activations: ArrayLike,
    splits: int = 20,
    count: int = 20,
    sets: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute `compare` over many random splits: whether the R² of one split is typical, or lucky.

    Parameters
    ----------
    numbers, activations
        As for `compare`.
    splits
        How many times numbers are held out, each time others.
    count
        How many are held out of each fit.
    sets, seed
        As for `compare`, in each split.

    Returns
    -------
    DataFrame
        One row per fit, the best first; columns `mean`, `sd` (from split to split), `low` and `high` (the worst and the
        best split), of R² on the numbers that were held out.

    Raises
    ------
    TaskError
        Fewer than two splits.

    Examples
    --------
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> table = pw.helix.compare_splits(pw.helix.NUMBERS, activations, sets=5)
    >>> table.loc[["helix", "line"], ["mean", "sd"]].round(2).values.tolist()
    [[0.76, 0.02], [0.19, 0.04]]
    """
    if splits < 2:
        raise TaskError(f"splits is {splits}; expected at least 2, since one has no spread.")
    rows = [
        compare(numbers, activations, hold_out(numbers, count, seed + i)[1], sets, seed + i)
        for i in range(splits)
    ]
    table = pd.DataFrame(rows)
    columns = {"mean": table.mean(), "sd": table.std(), "low": table.min(), "high": table.max()}
    return pd.DataFrame(columns).sort_values("mean", ascending=False)


def _held_out_r2(
    features: Float[np.ndarray, "number feature"],
    activations: Float[np.ndarray, "number d"],
    unseen: Bool[np.ndarray, "number"],
) -> float:
    return fit(features[~unseen], activations[~unseen]).r2(features[unseen], activations[unseen])


def random_basis(rng: np.random.Generator) -> Basis:
    """Draw as many periods as the helix has, log-uniform from 2 to 200, and add a linear part."""
    low, high = np.log(PERIOD_RANGE)
    periods = np.exp(rng.uniform(low, high, size=len(HELIX.periods)))
    return Basis(tuple(periods.tolist()))


def choose_layer(
    numbers: Sequence[int], activations: Sequence[ArrayLike], basis: Basis = HELIX
) -> int:
    """Find the layer at which a basis fits best, by cross-validation on these numbers alone.

    Parameters
    ----------
    numbers
        The numbers to fit and to judge on.
    activations
        One array ``[number, d]`` per layer.
    basis
        By default the helix.

    Returns
    -------
    int
        The index into `activations`.

    Examples
    --------
    >>> layers = pw.helix.layer_activations(model)
    >>> pw.helix.choose_layer(pw.helix.NUMBERS, layers)
    0
    """
    scores = [cross_validated_r2(basis.features(numbers), layer) for layer in activations]
    return int(np.argmax(scores))
