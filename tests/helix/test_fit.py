"""Bases and fits on helices made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwidgets import helix
from patchwidgets.helix import CIRCLES, HELIX, LINE, POLYNOMIAL, Basis

NUMBERS = list(helix.NUMBERS)


def wound(basis: Basis, d: int = 30, seed: int = 0) -> np.ndarray:
    """Activations that are exactly a linear map of a basis, plus a constant."""
    rng = np.random.default_rng(seed)
    return 3 + basis.features(NUMBERS) @ rng.standard_normal((len(basis), d))


def test_features_by_hand():
    basis = Basis(periods=(4,), degree=2)
    assert basis.names == ["cos 4", "sin 4", "n^1", "n^2"]
    expected = [[1, 0, 0, 0], [0, 1, 0.01, 0.0001], [-1, 0, 0.02, 0.0004]]
    assert basis.features([0, 1, 2]) == pytest.approx(np.array(expected))


def test_sizes_are_comparable():
    assert [len(basis) for basis in (HELIX, CIRCLES, LINE, POLYNOMIAL)] == [8, 7, 1, 8]
    assert LINE.features([0, 50]).tolist() == [[0.0], [0.5]]


def test_waves_that_are_constant_on_whole_numbers_are_no_features() -> None:
    """sin(2πn/2) is 0 up to a rounding error of 1e-14, which a fit would multiply by 1e12."""
    assert HELIX.names == [
        *("cos 2", "cos 5", "sin 5", "cos 10", "sin 10", "cos 100", "sin 100", "n^1")
    ]
    assert Basis((1, 2 / 3, 0.5, 4), 0).names == ["cos 0.666667", "cos 4", "sin 4"]
    for basis in (HELIX, Basis((1, 2, 3, 2 / 3, 0.5, 2.5, 1e6))):
        assert basis.features(NUMBERS).std(0).min() > 1e-9
    assert Basis((1,), 0).features(NUMBERS).shape == (100, 0)


def test_weights_stay_small() -> None:
    """Also where features depend on each other: the linear part of a+b is the sum of those of a and of b."""
    pairs = [(a, b) for a in range(0, 100, 7) for b in range(0, 100, 3)]
    features = helix.sums(HELIX, pairs)
    noise = np.random.default_rng(0).standard_normal((len(pairs), 4))
    assert np.abs(helix.fit(features, noise).weights).max() < 10


def test_sums_put_the_terms_side_by_side():
    features = helix.sums(LINE, [(10, 20), (1, 2)])
    assert features == pytest.approx(np.array([[0.1, 0.2, 0.3], [0.01, 0.02, 0.03]]))
    assert helix.sums(LINE, [(10, 20)], ("a+b",)).tolist() == [[0.3]]


def test_a_helix_is_found_on_numbers_that_were_held_out():
    seen, unseen = helix.hold_out(NUMBERS)
    assert len(seen) == 80
    assert sorted(seen + unseen) == NUMBERS
    activations = wound(HELIX)
    found = helix.fit_numbers(seen, activations[seen])
    assert found.r2(HELIX.features(unseen), activations[unseen]) == pytest.approx(1)
    assert found.predict(HELIX.features([7])) == pytest.approx(activations[[7]])


def test_a_fit_reads_its_features_back():
    basis = Basis((5, 10))
    activations = wound(basis)
    found = helix.fit_numbers(NUMBERS, activations, basis)
    assert found.read(activations) == pytest.approx(basis.features(NUMBERS))
    assert found.constant + basis.features(NUMBERS) @ found.weights == pytest.approx(activations)


def test_noise_is_not_explained():
    noise = np.random.default_rng(0).standard_normal((100, 30))
    assert helix.cross_validated_r2(HELIX.features(NUMBERS), noise) < 0


def test_half_of_the_variance_is_half():
    circle, other = Basis((5,), 0).features(NUMBERS), Basis((3 + 1 / 3,), 0).features(NUMBERS)
    activations = np.concatenate([circle, other], axis=1)
    assert helix.fit_numbers(NUMBERS, activations, CIRCLES).r2(
        CIRCLES.features(NUMBERS), activations
    ) == pytest.approx(0.5)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_fit_does_not_care_about_a_rotation(seed):
    activations = wound(Basis((2, 5, 7, 50))) + np.random.default_rng(seed).standard_normal(
        (100, 30)
    )
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((30, 30)))[0]
    seen, unseen = helix.hold_out(NUMBERS, seed=seed)
    scores = [
        helix.fit_numbers(seen, y[seen]).r2(HELIX.features(unseen), y[unseen])
        for y in (activations, activations @ rotation)
    ]
    assert scores[0] == pytest.approx(scores[1])


def test_few_components_leave_something_out():
    activations = wound(HELIX)
    whole, part = (helix.fit(HELIX.features(NUMBERS), activations, k) for k in (100, 3))
    assert whole.r2(HELIX.features(NUMBERS), activations) == pytest.approx(1)
    assert part.r2(HELIX.features(NUMBERS), activations) == pytest.approx(
        helix.r2(activations, helix.pca_reconstruction(activations, activations, 3))
    )


def test_a_fit_does_not_depend_on_random_numbers():
    """With so many rows, scikit-learn's own choice would be a randomized solver."""
    rng = np.random.default_rng(0)
    features, activations = rng.standard_normal((600, 2)), rng.standard_normal((600, 200))
    weights, reconstructions = [], []
    for seed in (0, 1):
        np.random.seed(seed)  # scikit-learn draws from the global generator
        weights.append(helix.fit(features, activations, components=3).weights)
        reconstructions.append(helix.pca_reconstruction(activations, activations, 3))
    assert np.array_equal(*weights)
    assert np.array_equal(*reconstructions)


def test_r2_by_hand():
    true, predicted = [[0.0, 0.0], [2.0, 4.0]], [[0.0, 0.0], [2.0, 3.0]]
    assert helix.r2(true, predicted) == pytest.approx(1 - 1 / 10)
