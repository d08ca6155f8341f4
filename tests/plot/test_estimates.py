"""Estimates look like estimates, and beside exact effects they show what is wrong with them."""

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.errors import PatchError
from patchwidgets.facade import Experiment
from patchwidgets.sweep.comparison import Comparison
from tests.support.sweeps import one_pair
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return one_pair(make_model("llama"), ["logit_diff"])


@pytest.mark.parametrize("draw", [pw.plot.heatmap, pw.plot.layers])
def test_estimates_are_hatched_and_say_their_method(experiment: Experiment, draw: object) -> None:
    assert callable(draw)
    ax = draw(experiment.estimate("z", method="ig", steps=2, progress=False))
    (hatched,) = [patch for patch in ax.patches if patch.get_hatch()]
    assert hatched.get_gid() == "estimate"
    assert "estimate (IG in 2 steps)" in [text.get_text() for text in ax.texts]
    exact = draw(experiment.sweep("z", progress=False))
    assert not exact.patches
    assert not [text for text in exact.texts if "estimate" in text.get_text()]


def test_a_comparison_as_a_scatter_plot(experiment: Experiment) -> None:
    exact = experiment.sweep("z", progress=False)
    comparison = experiment.estimate("z", progress=False).compare(exact)
    ax = pw.plot.estimates(comparison, label=2)
    right, wrong = ax.lines[:2]
    frame = comparison.to_frame()
    assert len(right.get_xdata()) == (~frame["sign_wrong"]).sum()
    assert list(wrong.get_xdata()) == frame["exact"][frame["sign_wrong"]].tolist()
    assert list(right.get_ydata()) == frame["estimated"][~frame["sign_wrong"]].tolist()
    assert [text.get_text() for text in ax.texts] == exact.top_sites(2)
    assert ax.get_xlabel() == "exact effect (logit_diff)"
    assert ax.get_ylabel() == "estimate (AtP)"


def test_a_comparison_of_nothing_but_zeros() -> None:
    comparison = Comparison("AtP", "z", "kl", ("a$", "b$"), np.zeros(2), np.zeros(2), 0.0, (2,))
    ax = pw.plot.estimates(comparison)
    ax.figure.canvas.draw()
    assert ax.get_title(loc="left") == "rank correlation nan, no effect above the noise floor"


def test_anything_else_is_refused(experiment: Experiment) -> None:
    with pytest.raises(
        PatchError,
        match=r"Expected a comparison, as from estimate\.compare\(exact\); got SweepResult",
    ):
        pw.plot.estimates(experiment.sweep("z", progress=False))  # type: ignore[arg-type]
