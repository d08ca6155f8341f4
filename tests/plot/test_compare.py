"""Estimates look like estimates, and beside exact effects they show what is wrong with them."""

from typing import Any

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
    assert ax.get_title(loc="left").replace("\n", " ").endswith("denoise, estimate (IG in 2 steps)")
    exact = draw(experiment.sweep("z", progress=False))
    assert not exact.patches
    assert "estimate" not in exact.get_title(loc="left")


def test_a_comparison_as_a_scatter_plot(experiment: Experiment) -> None:
    exact = experiment.sweep("z", progress=False)
    comparison = experiment.estimate("z", progress=False).compare(exact)
    ax = pw.plot.compare(comparison, label=2)
    right, *wrong = [line for line in ax.lines if line.get_marker() in ("o", "x")]
    frame = comparison.to_frame()
    assert len(right.get_xdata()) == (~frame["sign_wrong"]).sum()
    assert [list(line.get_xdata()) for line in wrong] == [
        part["exact"].tolist() for _, part in frame[frame["sign_wrong"]].groupby("sign_wrong")
    ]
    assert list(right.get_ydata()) == frame["estimated"][~frame["sign_wrong"]].tolist()
    assert [text.get_text() for text in ax.texts] == exact.top_sites(2)
    assert ax.get_xlabel() == "exact effect (logit_diff)"
    assert ax.get_ylabel() == "estimate (AtP)"


def test_a_comparison_of_nothing_but_zeros() -> None:
    comparison = Comparison("AtP", "z", "kl", ("a$", "b$"), np.zeros(2), np.zeros(2), 0.0, (2,))
    ax = pw.plot.compare(comparison)
    ax.figure.canvas.draw()
    assert ax.get_title(loc="left").replace("\n", " ") == (
        "rank correlation nan, 2 of the 2 largest found, no effect above the noise floor"
    )


def test_anything_else_is_refused(experiment: Experiment) -> None:
    with pytest.raises(
        PatchError,
        match=r"^Expected what estimate\.compare\(exact\) returns; got SweepResult\.$",
    ):
        pw.plot.compare(experiment.sweep("z", progress=False))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("draw", "made_by"),
    [
        (pw.plot.heatmap, r"exp\.sweep\(\.\.\.\)"),
        (pw.plot.layers, r"exp\.sweep\(\.\.\.\)"),
        (pw.plot.attribution, r"run\.logit_attribution\(\.\.\.\)"),
        (pw.plot.faithfulness, r"exp\.faithfulness_curve\(\.\.\.\)"),
    ],
)
def test_every_figure_says_what_it_draws(experiment: Experiment, draw: Any, made_by: str) -> None:
    with pytest.raises(PatchError, match=rf"^Expected what {made_by} returns; got PatchResult\.$"):
        draw(experiment.patch("L0.H1"))
