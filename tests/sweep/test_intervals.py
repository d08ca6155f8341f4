"""Intervals over pairs, by hand and against what they mean."""

import numpy as np
import pytest

from patchwidgets.intervals import mean_interval
from patchwidgets.sweep.over_pairs import PairValues, ratio_interval

T4 = 2.7764451
"""Student's quantile for five pairs."""


def test_a_mean_by_hand() -> None:
    low, high = mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    half = T4 * np.sqrt(2.5 / 5)
    assert [float(low), float(high)] == pytest.approx([3 - half, 3 + half])


def test_the_bounds_of_a_ratio_are_where_its_difference_is_just_significant() -> None:
    """Fieller's definition: mean(above - ratio * below) is t of its standard errors away from 0."""
    rng = np.random.default_rng(0)
    above, below = rng.normal(1, 0.3, 5), rng.normal(2, 0.4, 5)
    for ratio in ratio_interval(above, below):
        difference = above - ratio * below
        assert abs(difference.mean()) == pytest.approx(T4 * difference.std(ddof=1) / np.sqrt(5))


def test_a_ratio_without_spread_below_is_a_mean() -> None:
    above = np.array([1.0, 2.0, 4.0, 4.0, 9.0])
    low, high = mean_interval(above)
    found = ratio_interval(above, np.full(5, 2.0))
    assert [float(each) for each in found] == pytest.approx([float(low) / 2, float(high) / 2])


def test_a_ratio_over_a_distance_that_may_be_0_has_no_bounds() -> None:
    found = ratio_interval(np.ones((3, 5)), np.array([1.0, -1.0, 1.0, -1.0, 0.5]))
    assert np.isnan(found).all()


def test_one_degenerate_pair_leaves_an_interval() -> None:
    """A bootstrap would sometimes draw this pair alone, and have no recovery then."""
    clean, corrupted = np.array([5.0, 6.0, 5.5, 6.5, 0.0, 6.0]), np.zeros(6)
    value = np.array([[2.0, 3.0, 2.5, 3.5, 0.0, 2.9]])
    found = PairValues(value, value, clean, corrupted, 1e-4, "denoise", False).intervals()
    assert np.isfinite(list(found.values())).all()
    assert found["recovery_low"] < value.mean() / clean.mean() < found["recovery_high"]
