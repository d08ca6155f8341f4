"""Fitting activations with functions of a number, and judging the fit on numbers that it has not seen.

scikit-learn is imported by the first fit, since `pw.plot` knows this module and its pictures of sweeps need none of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from patchwidgets.helix.basis import HELIX, Basis
from patchwidgets.hooks.interrupts import Uninterrupted

if TYPE_CHECKING:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression

N_PRINCIPAL = 100
"""The number of principal components in which a fit is made, as in arXiv 2502.00873."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A linear map from features to activations, fitted by least squares in a space of principal components.

    Attributes
    ----------
    regressor
        The fitted estimator of scikit-learn.
    constant
        The activation where all features are 0, ``[d]``.
    weights
        What one unit of each feature adds, ``[feature, d]``.

    Examples
    --------
    >>> line = pw.helix.fit(features=[[0], [1], [2]], activations=[[1, 0], [3, 0], [5, 0]])
    >>> line.constant.round(2).tolist(), line.weights.round(2).tolist()
    ([1.0, 0.0], [[2.0, 0.0]])
    >>> line.predict([[10]]).round(2).tolist()
    [[21.0, 0.0]]
    >>> line.read([[7, 0]]).round(2).tolist()
    [[3.0]]
    """

    regressor: "LinearRegression | TransformedTargetRegressor"

    def predict(self, features: ArrayLike) -> Float[np.ndarray, "row d"]:
        """Predict the activations for features ``[row, feature]``."""
        return np.asarray(self.regressor.predict(np.asarray(features)), dtype=np.float64)

    @property
    def constant(self) -> Float[np.ndarray, "d"]:
        """The activation where all features are 0."""
        n_features: int = self.regressor.n_features_in_
        return np.asarray(self.predict(np.zeros((1, n_features)))[0])

    @property
    def weights(self) -> Float[np.ndarray, "feature d"]:
        """What one unit of each feature adds to the activation."""
        n_features: int = self.regressor.n_features_in_
        weights: Float[np.ndarray, "feature d"] = self.predict(np.eye(n_features)) - self.constant
        return weights

    def read(self, activations: ArrayLike) -> Float[np.ndarray, "row feature"]:
        """Estimate the features behind activations ``[row, d]``, by least squares."""
        centred = np.asarray(activations) - self.constant
        features: Float[np.ndarray, "row feature"] = centred @ np.linalg.pinv(self.weights)
        return features

    def r2(self, features: ArrayLike, activations: ArrayLike) -> float:
        """Compute the explained fraction of the activations' variance, over all rows and dimensions together."""
        return r2(activations, self.predict(features))


def r2(true: ArrayLike, predicted: ArrayLike) -> float:
    """Compute 1 − residual variance / variance, with both summed over all dimensions.

    Parameters
    ----------
    true, predicted
        Activations ``[row, d]``.

    Returns
    -------
    float
        1 is perfect, 0 is no better than the mean, and a negative number is worse than the mean.

    Examples
    --------
    >>> pw.helix.r2(true=[[0, 0], [2, 4]], predicted=[[0, 0], [2, 3]])
    0.9
    """
    with Uninterrupted():
        from sklearn.metrics import r2_score

    return float(r2_score(true, predicted, multioutput="variance_weighted"))


def fit(features: ArrayLike, activations: ArrayLike, components: int = N_PRINCIPAL) -> Fit:
    """Fit the first principal components of the activations by least squares.

    Parameters
    ----------
    features
        ``[row, feature]``, for example from `Basis.features` or `sums`. A constant is added.
    activations
        ``[row, d]``.
    components
        The number of principal components. If the activations have no more than that, nothing is left out, and the
        fit is made in their own space.

    Returns
    -------
    Fit
        From features to activations.

    Examples
    --------
    >>> pairs = [(a, b) for a in range(10) for b in range(10)]
    >>> features = pw.helix.sums(pw.helix.LINE, pairs, ("a", "b"))
    >>> fitted = pw.helix.fit(features, [[a - b] for a, b in pairs])
    >>> fitted.weights.round(2).tolist()
    [[100.0], [-100.0]]
    """
    with Uninterrupted():
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.linear_model import LinearRegression

    x, y = np.asarray(features, dtype=np.float64), np.asarray(activations, dtype=np.float64)
    regressor = LinearRegression()
    if components < min(len(y) - 1, y.shape[1]):
        space = principal_components(components)
        regressor = TransformedTargetRegressor(regressor, transformer=space, check_inverse=False)
    return Fit(regressor.fit(x, y))


def fit_numbers(numbers: Sequence[int], activations: ArrayLike, basis: Basis = HELIX) -> Fit:
    """Fit the activations of single numbers with a basis.

    Parameters
    ----------
    numbers
        One per row of `activations`.
    activations
        ``[number, d]``.
    basis
        By default the helix.

    Returns
    -------
    Fit
        From the features of the basis to activations.

    Examples
    --------
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> fitted = pw.helix.fit_numbers(pw.helix.NUMBERS, activations)
    >>> round(fitted.r2(pw.helix.HELIX.features(pw.helix.NUMBERS), activations), 2)
    0.81
    """
    return fit(basis.features(numbers), activations)


def hold_out(numbers: Sequence[int], count: int = 20, seed: int = 0) -> tuple[list[int], list[int]]:
    """Split numbers at random into those to fit and those to judge the fit on.

    Parameters
    ----------
    numbers
        All numbers.
    count
        How many to hold out.
    seed
        Of the random draw.

    Returns
    -------
    fitted, held_out
        Both sorted.

    Examples
    --------
    >>> fitted, held_out = pw.helix.hold_out(pw.helix.NUMBERS)
    >>> len(fitted), held_out[:4]
    (80, [5, 8, 9, 10])
    """
    shuffled = np.random.default_rng(seed).permutation(np.asarray(numbers)).tolist()
    return sorted(shuffled[count:]), sorted(shuffled[:count])


def cross_validated_r2(
    features: ArrayLike, activations: ArrayLike, folds: int = 5, seed: int = 0
) -> float:
    """Compute R² over all rows, each predicted by a fit to the other folds.

    Parameters
    ----------
    features
        ``[row, feature]``.
    activations
        ``[row, d]``.
    folds
        The number of parts, each of which is left out of one fit.
    seed
        Of the random split into folds.

    Returns
    -------
    float
        As from `r2`.

    Examples
    --------
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> features = pw.helix.HELIX.features(pw.helix.NUMBERS)
    >>> round(pw.helix.cross_validated_r2(features, activations), 2)
    0.76
    """
    return r2(activations, cross_validated(features, activations, folds, seed))


def cross_validated(
    features: ArrayLike | None, activations: ArrayLike, folds: int = 5, seed: int = 0
) -> Float[np.ndarray, "row d"]:
    """Predict each row by a fit to the other folds: what `cross_validated_r2` judges, for `patch_values`.

    Parameters
    ----------
    features
        ``[row, feature]``. None projects each row onto the principal components of the other folds, as many as the
        helix has features: an upper bound, since it sees the row.
    activations, folds, seed
        As for `cross_validated_r2`.

    Returns
    -------
    array
        ``[row, d]``.

    Examples
    --------
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> line = pw.helix.cross_validated(pw.helix.LINE.features(pw.helix.NUMBERS), activations)
    >>> line.shape, round(pw.helix.r2(activations, line), 2)
    ((100, 128), 0.22)
    """
    with Uninterrupted():
        from sklearn.model_selection import KFold

    y = np.asarray(activations, dtype=np.float64)
    predicted = np.empty_like(y)
    for seen, unseen in KFold(folds, shuffle=True, random_state=seed).split(y):
        if features is None:
            size = min(len(HELIX), len(seen), y.shape[1])
            predicted[unseen] = pca_reconstruction(y[seen], y[unseen], size)
        else:
            x = np.asarray(features, dtype=np.float64)
            predicted[unseen] = fit(x[seen], y[seen]).predict(x[unseen])
    return predicted


def pca_reconstruction(
    seen: ArrayLike, activations: ArrayLike, size: int
) -> Float[np.ndarray, "row d"]:
    """Project activations onto the first principal components of other activations.

    Parameters
    ----------
    seen
        The activations that determine the components, ``[other_row, d]``.
    activations
        The activations to project, ``[row, d]``.
    size
        The number of components.

    Returns
    -------
    array
        ``[row, d]``.

    Examples
    --------
    >>> diagonal = [[0, 0], [1, 1], [2, 2]]
    >>> pw.helix.pca_reconstruction(seen=diagonal, activations=[[4, 0]], size=1).round(2).tolist()
    [[2.0, 2.0]]
    """
    space = principal_components(size).fit(np.asarray(seen))
    return np.asarray(
        space.inverse_transform(space.transform(np.asarray(activations))), dtype=np.float64
    )


def principal_components(size: int) -> "PCA":
    """An estimator of that many principal components, by a full decomposition, which needs no seed."""
    with Uninterrupted():
        from sklearn.decomposition import PCA

    return PCA(size, svd_solver="full")
