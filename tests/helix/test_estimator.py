"""`helix.Helix` is an estimator of scikit-learn, and the same fit as `helix.fit`."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from patchwidgets import helix

NUMBERS = np.arange(100)[:, None]
HIDDEN = np.random.default_rng(0).normal(size=(8, 12))
ACTIVATIONS = helix.HELIX.features(np.arange(100)) @ HIDDEN + 3
FOLDS = KFold(5, shuffle=True, random_state=0)


@parametrize_with_checks([helix.Helix()])
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


def test_it_is_the_fit_of_the_package():
    noisy = ACTIVATIONS + np.random.default_rng(1).normal(size=ACTIVATIONS.shape)
    estimator = helix.Helix(components=5).fit(NUMBERS, noisy)
    fitted = helix.fit(helix.HELIX.features(np.arange(100)), noisy, components=5)
    assert np.array_equal(estimator.transform(NUMBERS), helix.HELIX.features(np.arange(100)))
    predicted = estimator.predict(NUMBERS)
    assert np.allclose(predicted, fitted.predict(helix.HELIX.features(np.arange(100))))
    assert estimator.score(NUMBERS, noisy) == pytest.approx(helix.r2(noisy, predicted))
    assert list(estimator.get_feature_names_out()) == helix.HELIX.names


def test_cross_validation_sees_what_a_line_misses():
    whole = cross_val_score(helix.Helix(), NUMBERS, ACTIVATIONS, cv=FOLDS)
    line = cross_val_score(helix.Helix(periods=()), NUMBERS, ACTIVATIONS, cv=FOLDS)
    assert whole.min() > 0.999
    assert line.max() < 0.5


def test_it_is_cloned_searched_and_put_into_a_pipeline():
    copied = clone(helix.Helix(periods=(10,), degree=2))
    assert copied.get_params() == {"periods": (10,), "degree": 2, "components": 100}
    assert copied.set_params(degree=0).degree == 0
    search = GridSearchCV(helix.Helix(), {"periods": [(), (2, 5, 10, 100), (7,)]}, cv=FOLDS)
    assert search.fit(NUMBERS, ACTIVATIONS).best_params_ == {"periods": (2, 5, 10, 100)}
    shifted = make_pipeline(FunctionTransformer(lambda x: x - 7), helix.Helix())
    assert shifted.fit(NUMBERS + 7, ACTIVATIONS).score(NUMBERS + 7, ACTIVATIONS) > 0.999


def test_several_numbers_of_a_row_stand_side_by_side():
    pairs = np.random.default_rng(0).integers(0, 100, (200, 2))
    both = np.column_stack([pairs, pairs.sum(1)])
    y = helix.HELIX.features(pairs.sum(1)) @ HIDDEN
    estimator = helix.Helix().fit(both, y)
    assert estimator.transform(both).shape == (200, 3 * len(helix.HELIX))
    assert estimator.score(both, y) > 0.999
    assert list(estimator.get_feature_names_out(["a", "b", "a+b"]))[8] == "b: cos 2"


def test_one_number_per_row_keeps_its_shape():
    y = np.cos(2 * np.pi * NUMBERS[:, 0] / 10)
    assert helix.Helix().fit(NUMBERS, y).predict(NUMBERS).shape == (100,)
