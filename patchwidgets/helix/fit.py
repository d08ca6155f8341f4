"""Fitting activations with functions of a number, and judging the fit on numbers that it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

from patchwidgets.helix.basis import HELIX, Basis, Floats

N_PRINCIPAL = 100
"""Principal components in which a fit is made, as in the paper."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A linear map from features to activations, found by least squares in a space of principal components."""

    regressor: Any

    def predict(self, features: ArrayLike) -> Floats:
        """Activations ``[row, d]`` for features ``[row, feature]``."""
        return np.asarray(self.regressor.predict(np.asarray(features)), dtype=np.float64)

    @property
    def constant(self) -> Floats:
        """The activation for features that are all 0, ``[d]``."""
        n_features: int = self.regressor.n_features_in_
        found: Floats = self.predict(np.zeros((1, n_features)))[0]
        return found

    @property
    def weights(self) -> Floats:
        """What one unit of each feature adds, ``[feature, d]``."""
        n_features: int = self.regressor.n_features_in_
        return self.predict(np.eye(n_features)) - self.constant

    def read(self, activations: ArrayLike) -> Floats:
        """The features that activations ``[row, d]`` seem to have, by least squares, ``[row, feature]``."""
        found: Floats = (np.asarray(activations) - self.constant) @ np.linalg.pinv(self.weights)
        return found

    def r2(self, features: ArrayLike, activations: ArrayLike) -> float:
        """The part of the activations' variance that is explained, over all rows and dimensions together."""
        return r2(activations, self.predict(features))


def r2(true: ArrayLike, predicted: ArrayLike) -> float:
    """1 − residual variance / variance, summed over all dimensions; 1 is perfect, 0 no better than the mean."""
    return float(r2_score(true, predicted, multioutput="variance_weighted"))


def fit(features: ArrayLike, activations: ArrayLike, components: int = N_PRINCIPAL) -> Fit:
    """Least squares from features to the activations' first principal components.

    Parameters
    ----------
    features
        ``[row, feature]``, as from `Basis.features` or `sums`; a constant is added.
    activations
        ``[row, d]``.
    components
        How many principal components. Where the activations have no more than that, nothing is left out, and the
        fit is made in their own space.
    """
    x, y = np.asarray(features, dtype=np.float64), np.asarray(activations, dtype=np.float64)
    regressor = LinearRegression()
    if components < min(len(y) - 1, y.shape[1]):
        space = PCA(components)
        regressor = TransformedTargetRegressor(regressor, transformer=space, check_inverse=False)
    return Fit(regressor.fit(x, y))


def fit_numbers(numbers: Sequence[int], activations: ArrayLike, basis: Basis = HELIX) -> Fit:
    """Fit the activations of single numbers, ``[number, d]``, with a basis: by default the helix."""
    return fit(basis.features(numbers), activations)


def hold_out(numbers: Sequence[int], count: int = 20, seed: int = 0) -> tuple[list[int], list[int]]:
    """Numbers to fit, and `count` others to judge the fit on, drawn at random; both sorted."""
    shuffled = np.random.default_rng(seed).permutation(np.asarray(numbers)).tolist()
    return sorted(shuffled[count:]), sorted(shuffled[:count])


def cross_validated_r2(
    features: ArrayLike, activations: ArrayLike, folds: int = 5, seed: int = 0
) -> float:
    """R² over all rows, each predicted by a fit to the other folds."""
    x, y = np.asarray(features, dtype=np.float64), np.asarray(activations, dtype=np.float64)
    predicted = np.empty_like(y)
    for seen, unseen in KFold(folds, shuffle=True, random_state=seed).split(x):
        predicted[unseen] = fit(x[seen], y[seen]).predict(x[unseen])
    return r2(y, predicted)


def pca_reconstruction(seen: ArrayLike, activations: ArrayLike, size: int) -> Floats:
    """Activations ``[row, d]`` as far as the first `size` principal components of other activations can say them."""
    space = PCA(size).fit(np.asarray(seen))
    return np.asarray(
        space.inverse_transform(space.transform(np.asarray(activations))), dtype=np.float64
    )
