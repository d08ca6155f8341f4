"""Share and recovery by hand: both directions, numbers and arrays, undefined within the noise floor."""

import math
import warnings

import numpy as np
import pytest

from patchwidgets.recovery import recovery, share

CLEAN, CORRUPTED = 4.0, -1.0
"""The two runs are 5 apart."""


@pytest.mark.parametrize(
    ("effect", "of_the_way"), [(0.0, 0.0), (2.5, 0.5), (5.0, 1.0), (7.5, 1.5), (-1.0, -0.2)]
)
def test_a_share_is_a_part_of_the_way_to_the_source(effect: float, of_the_way: float) -> None:
    assert share(effect, CLEAN, CORRUPTED, 0.1, "denoise") == of_the_way
    assert share(-effect, CLEAN, CORRUPTED, 0.1, "noise") == of_the_way


@pytest.mark.parametrize(
    ("value", "expected"), [(-1.0, 0.0), (1.5, 0.5), (4.0, 1.0), (6.5, 1.5), (-2.0, -0.2)]
)
def test_recovery_is_0_for_the_corrupted_run_and_1_for_the_clean_one(
    value: float, expected: float
) -> None:
    assert recovery(value, CLEAN, CORRUPTED, 0.1) == expected


def test_a_metric_that_is_better_when_lower() -> None:
    """KL from the clean run: 0 in the clean run, 5 in the corrupted one, 1 in the patched one."""
    assert recovery(1.0, 0.0, 5.0, 0.1) == 0.8
    assert share(1.0 - 5.0, 0.0, 5.0, 0.1, "denoise") == 0.8
    assert share(1.0 - 0.0, 0.0, 5.0, 0.1, "noise") == 0.2


@pytest.mark.parametrize("distance", [0.0, 0.05, 0.1, -0.1])
def test_both_are_undefined_where_the_runs_are_equal_to_within_the_noise_floor(
    distance: float,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no division by 0 on the way
        assert math.isnan(recovery(1.0, distance, 0.0, 0.1))
        assert math.isnan(share(1.0, distance, 0.0, 0.1, "denoise"))
        assert math.isnan(share(0.0, distance, 0.0, 0.1, "noise"))
    assert recovery(0.11, 0.11, 0.0, 0.1) == 1.0


def test_arrays_are_the_numbers_one_by_one() -> None:
    """Two metrics × three cells × two pairs; each metric's unpatched values and noise floor are its own."""
    value = np.array([[[1.5, 2.0], [4.0, 3.0], [-1.0, 9.0]], [[1.0, 5.0], [0.0, 2.5], [5.0, 0.0]]])
    clean, corrupted = np.array([[[4.0, 3.0]], [[0.0, 0.0]]]), np.array([[[-1, 3.05]], [[5, 5]]])
    floor = np.array([0.1, 6.0]).reshape(2, 1, 1)
    nan = math.nan
    expected = [[[0.5, nan], [1, nan], [0, nan]], [[nan, nan], [nan, nan], [nan, nan]]]
    assert np.array_equal(recovery(value, clean, corrupted, floor), expected, equal_nan=True)
    low = recovery(value, clean, corrupted, 0.01)
    assert low[1].tolist() == [[0.8, 0.0], [1.0, 0.5], [0.0, 1.0]]
    for direction, host in (("denoise", corrupted), ("noise", clean)):
        shares = share(value - host, clean, corrupted, 0.01, direction)  # type: ignore[arg-type]
        for cell in np.ndindex(value.shape):
            metric, _, pair = cell
            unpatched = clean[metric, 0, pair], corrupted[metric, 0, pair]
            effect = value[cell] - host[metric, 0, pair]
            one = share(effect, *unpatched, 0.01, direction)  # type: ignore[arg-type]
            assert shares[cell] == one
            assert low[cell] == recovery(value[cell], *unpatched, 0.01)


def test_what_comes_out_has_the_shape_of_what_goes_in() -> None:
    assert recovery(1.5, CLEAN, CORRUPTED, 0.1).shape == ()
    assert recovery([1.5, 4.0], CLEAN, CORRUPTED, 0.1).tolist() == [0.5, 1.0]
    assert recovery(np.float32(1.5), CLEAN, CORRUPTED, 0.1).dtype == np.float64
    assert share(np.zeros((3, 2)), np.full(2, CLEAN), CORRUPTED, 0.1, "noise").shape == (3, 2)


def test_how_they_belong_together() -> None:
    """Denoising they are the same number; noising, a share is what recovery lost."""
    for value in (-3.0, 0.5, 6.0):
        recovered = recovery(value, CLEAN, CORRUPTED, 0.1)
        denoised = share(value - CORRUPTED, CLEAN, CORRUPTED, 0.1, "denoise")
        noised = share(value - CLEAN, CLEAN, CORRUPTED, 0.1, "noise")
        assert (denoised, noised) == (recovered, pytest.approx(1 - recovered))
