"""Dose curves: the metric over the strength of a vector, with its spread over pairs and both unpatched runs."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.errors import MetricError, PatchError, SiteError
from patchwidgets.facade import Experiment

DOSES = [1, -1, 0, 0.5, 2]


def curve_of(n_pairs: int) -> tuple[Experiment, pw.SweepResult]:
    exp = pw.Experiment(pw.load(), pw.tasks.ioi(n_pairs), ["logit_diff", "kl"])
    vector = exp.source["L1.resid_post@-1"] - exp.host["L1.resid_post@-1"]
    return exp, exp.dose_curve("L1.resid_post@-1", vector, DOSES, progress=False)


@pytest.fixture(scope="module")
def curve() -> tuple[Experiment, pw.SweepResult]:
    return curve_of(6)


def axes() -> Axes:
    return Figure(figsize=(5, 4)).subplots()


def test_the_mean_is_drawn_in_the_order_of_doses(curve: tuple[Experiment, pw.SweepResult]) -> None:
    exp, result = curve
    ax = pw.plot.dose(result, ax=axes())
    line = next(each for each in ax.lines if each.get_label() == "steered, over pairs")
    order = np.argsort(DOSES)
    assert list(line.get_xdata()) == sorted(DOSES)
    np.testing.assert_allclose(line.get_ydata(), result.value.values[order])
    levels = {each.get_label(): each.get_ydata()[0] for each in ax.lines}
    assert levels["clean"] == pytest.approx(exp.clean.value)
    assert levels["corrupted"] == pytest.approx(exp.corrupted.value)
    marked = [each.get_xdata()[0] for each in ax.lines if each.get_linestyle() == ":"]
    assert marked == [0, 1]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dose α", "logit_diff")
    title = ax.get_title(loc="left").replace("\n", " ")
    assert title == "steered at L1.resid_post@-1, denoise, 6 pairs"


def test_the_band_holds_the_middle_of_the_pairs(curve: tuple[Experiment, pw.SweepResult]) -> None:
    _, result = curve
    ax = pw.plot.dose(result, ax=axes())
    (band,) = ax.collections
    values = result.to_xarray()["value"].sel(metric="logit_diff", alpha=2).values
    low, high = np.quantile(values, [0.1, 0.9])
    at_two = [y for x, y in band.get_paths()[0].vertices if x == 2]
    assert (min(at_two), max(at_two)) == (pytest.approx(low), pytest.approx(high))
    assert band.get_label() == "the middle 80 % of 6 pairs"


def test_recovery_has_intervals_and_ends_at_0_and_1(
    curve: tuple[Experiment, pw.SweepResult],
) -> None:
    _, result = curve
    ax = pw.plot.dose(result, "kl", quantity="recovery", title="mine", ax=axes())
    levels = {each.get_label(): each.get_ydata()[0] for each in ax.lines}
    assert (levels["clean"], levels["corrupted"]) == (1, 0)
    (bars,) = [each for each in ax.collections if hasattr(each, "get_segments")]
    high = {segment[0, 0]: segment[1, 1] for segment in bars.get_segments()}
    assert high[0.5] == pytest.approx(
        float(result.over_pairs("kl")["recovery_high"].sel(alpha=0.5))
    )
    assert (ax.get_ylabel(), ax.get_title(loc="left")) == ("recovery (kl)", "mine")


def test_few_pairs_have_a_line_each() -> None:
    _, result = curve_of(2)
    ax = pw.plot.dose(result, ax=axes())
    assert not ax.collections
    values = result.to_xarray()["value"].sel(metric="logit_diff").sortby("alpha").values.T
    thin = [each.get_ydata() for each in ax.lines if each.get_alpha() == 0.4]
    np.testing.assert_allclose(thin, values)
    one = pw.plot.dose(result.sel(pair=0), ax=axes())
    assert [each.get_label() for each in one.lines][2] == "steered"


def test_misuse_is_refused(curve: tuple[Experiment, pw.SweepResult]) -> None:
    exp, result = curve
    with pytest.raises(
        PatchError, match=r"^Expected what exp\.dose_curve\(\.\.\.\) returns; got str\.$"
    ):
        pw.plot.dose("curve")  # type: ignore[arg-type]
    with pytest.raises(
        SiteError, match=r"^This sweep runs over layer, head, and doses are needed: those of"
    ):
        pw.plot.dose(exp.sweep("z", progress=False))
    with pytest.raises(
        PatchError, match=r"^quantity is 'share'; expected 'value' or 'recovery'\.$"
    ):
        pw.plot.dose(result, quantity="share")  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="rank"):
        pw.plot.dose(result, "rank")
