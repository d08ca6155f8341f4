"""Fits of numbers in the manner of scikit-learn, for its pipelines and searches. Costs what `fit` does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from patchwidgets.helix.basis import HELIX, Basis
from patchwidgets.helix.fit import N_PRINCIPAL, Fit, fit, r2


class Helix(TransformerMixin, MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A fit of activations by functions of numbers, as an estimator of scikit-learn over `helix.fit`.

    `transform` gives the features of numbers, `predict` the activations for them. `score` is R² over all dimensions
    together, as `helix.r2`; the default of scikit-learn would average the R² of single dimensions.

    Parameters
    ----------
    periods, degree
        Of the `Basis`; by default those of the helix.
    components
        The number of principal components in which the fit is made, as for `helix.fit`.

    Attributes
    ----------
    fit_
        The `Fit`.
    n_features_in_
        How many numbers each row of X has.

    Examples
    --------
    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> numbers = [[n] for n in pw.helix.NUMBERS]
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> round(pw.helix.Helix().fit(numbers, activations).score(numbers, activations), 2)
    0.81
    >>> folds = KFold(5, shuffle=True, random_state=0)
    >>> len(cross_val_score(pw.helix.Helix(periods=(10, 100)), numbers, activations, cv=folds))
    5
    """

    def __init__(
        self,
        periods: Sequence[float] = HELIX.periods,
        degree: int = HELIX.degree,
        components: int = N_PRINCIPAL,
    ) -> None:
        self.periods = periods
        self.degree = degree
        self.components = components

    def fit(self, X: ArrayLike, y: ArrayLike) -> "Helix":
        """Fit activations.

        Parameters
        ----------
        X
            Numbers ``[row, number]``; of several in a row, the features stand side by side, as for ``a``, ``b`` and
            ``a+b`` of a sum.
        y
            Activations ``[row, d]``, or one number per row.

        Raises
        ------
        ValueError
            By scikit-learn: other shapes, or what is no finite number.
        """
        numbers, activations = validate_data(
            self, X, y, multi_output=True, y_numeric=True, dtype=np.float64
        )
        self._one_number = activations.ndim == 1
        targets = activations.reshape(len(activations), -1)
        self.fit_: Fit = fit(self._features(numbers), targets, self.components)
        return self

    def predict(self, X: ArrayLike) -> Float[np.ndarray, "row *d"]:
        """Predict the activations for numbers, in the shape that `fit` was given."""
        features = self.transform(X)
        predicted = self.fit_.predict(features)
        return predicted[:, 0] if self._one_number else predicted

    def transform(self, X: ArrayLike) -> Float[np.ndarray, "row feature"]:
        """Compute the features of numbers, in the order of `get_feature_names_out`."""
        check_is_fitted(self)
        return self._features(validate_data(self, X, dtype=np.float64, reset=False))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: None = None) -> float:
        """Compute the explained fraction of the activations' variance, over all rows and dimensions together."""
        return r2(np.asarray(y), self.predict(X))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features; of several numbers in a row, with the name of each before them."""
        check_is_fitted(self)
        names, n = self._basis.names, self.n_features_in_
        given = getattr(self, "feature_names_in_", [f"x{i}" for i in range(n)])
        given = given if input_features is None else input_features
        if n == 1:
            return np.asarray(names, dtype=object)
        return np.asarray([f"{each}: {name}" for each in given for name in names], dtype=object)

    @property
    def _basis(self) -> Basis:
        return Basis(tuple(self.periods), self.degree)

    def _features(
        self, numbers: Float[np.ndarray, "row number"]
    ) -> Float[np.ndarray, "row feature"]:
        return np.concatenate([self._basis.features(each) for each in numbers.T], axis=1)
