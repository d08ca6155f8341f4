"""Half precision and its noise floor: measured, honest, and said wherever effects below it are shown as numbers."""

import warnings

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.errors import PatchwidgetsWarning
from patchwidgets.facade import Experiment
from patchwidgets.sweep.in_words import in_a_title
from patchwidgets.sweep.sweep_result import SweepResult

HALF = ("bfloat16", "float16")


@pytest.fixture(scope="module", params=HALF)
def half(request: pytest.FixtureRequest) -> Experiment:
    return Experiment(pw.load(dtype=request.param), pw.tasks.ioi(n=8, seed=0))


@pytest.fixture(scope="module")
def result(half: Experiment) -> SweepResult:
    return half.sweep("z", progress=False)


@pytest.fixture(scope="module")
def exact() -> Experiment:
    return Experiment(pw.load(dtype="float64"), pw.tasks.ioi(n=8, seed=0))


def test_the_floor_is_as_wide_as_the_spacing_of_the_logits(
    half: Experiment, exact: Experiment
) -> None:
    """A difference of two logits, each rounded to its spacing."""
    largest = float(half.clean.logits.abs().max())
    spacing = 2.0 ** (np.floor(np.log2(largest)) - {"bfloat16": 7, "float16": 10}[half.model.dtype])
    assert 0.99 * 2 * spacing <= half.noise_floor["logit_diff"] <= 8 * spacing
    assert exact.noise_floor["logit_diff"] < 1e-4


def test_its_own_activations_change_nothing(half: Experiment) -> None:
    """The host of the same pass is what a cell is compared with, so that a copy is exactly 0 in every dtype."""
    own = half.sweep("z", make=lambda site: pw.Patch(site, "host"), progress=False)
    assert (own.effect.values == 0).all()


def test_another_batch_moves_no_effect_by_more_than_the_floor(
    half: Experiment, result: SweepResult
) -> None:
    small = half.sweep("z", progress=False, batch=3)
    one, other = (each.to_xarray()["effect"].values for each in (result, small))
    assert np.abs(one - other).max() <= 2 * half.noise_floor["logit_diff"]


def test_which_effects_are_within_it(result: SweepResult) -> None:
    within, effects = result.within_noise(), np.abs(result.effect.values)
    floor = result.attrs["noise_floor"]
    assert within.dims == ("layer", "head")
    assert (within.values == ((effects > 0) & (effects <= floor))).all()
    assert 0 < int(within.sum()) < within.size


def test_the_result_says_so_in_its_line_and_in_the_title_of_a_figure(result: SweepResult) -> None:
    n, n_all = int(result.within_noise().sum()), int((result.effect.values != 0).sum())
    floor, dtype = result.attrs["noise_floor"], result.attrs["dtype"]
    says = f"{dtype}: {n} of {n_all} effects within the noise floor of {floor:.2g})"
    assert repr(result).endswith(says)
    assert f"{dtype}, noise ±{floor:.2g}" in in_a_title(result.to_xarray())


def test_the_largest_sites_come_with_a_warning_if_noise_orders_them(
    result: SweepResult,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert result.top_sites(1) == ["L0.H1"]
    with pytest.warns(PatchwidgetsWarning) as caught:
        result.top_sites(12)
    (message,) = (str(each.message) for each in caught)
    floor, dtype = result.attrs["noise_floor"], result.attrs["dtype"]
    assert message.endswith(
        f"of the 12 largest effects are within the noise floor of {floor:.2g} in {dtype}: their order is chance. "
        "Load the model in dtype='float32', or compute these sites again there."
    )


def test_a_patch_says_so(half: Experiment, result: SweepResult) -> None:
    names, within = np.array(result.site_names()), result.within_noise().values.ravel()
    small, large = half.patch(str(names[within][0])), half.patch("L0.H1")
    reading = small.readings["logit_diff"]
    assert reading.within_noise == (0 < abs(small.effect) <= reading.noise_floor)
    words = f"(within the noise floor of {reading.noise_floor:.2g})"
    assert (words in repr(small)) == reading.within_noise
    assert not large.readings["logit_diff"].within_noise
    assert "noise floor" not in repr(large)


def test_single_precision_is_silent() -> None:
    """Its floor is far below what anybody looks at."""
    result = Experiment(pw.load(), pw.tasks.ioi(n=8, seed=0)).sweep("z", progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PatchwidgetsWarning)
        result.top_sites(12)
    assert "noise floor" not in repr(result)


def test_effects_agree_with_double_precision_to_the_floor(
    half: Experiment, result: SweepResult, exact: Experiment
) -> None:
    """Rounding of weights is another error, which no repetition shows: it is below a few floors here."""
    exactly = exact.sweep("z", progress=False).effect.values
    gap = np.abs(result.effect.values - exactly).max()
    assert gap <= 4 * half.noise_floor["logit_diff"]
