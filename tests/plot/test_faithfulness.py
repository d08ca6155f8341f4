"""The figure of a faithfulness curve."""

import numpy as np
from matplotlib.figure import Figure

from patchwidgets import plot, sources
from patchwidgets.facade import Experiment


def test_a_curve_is_drawn_beside_its_band(toy_experiment: Experiment) -> None:
    curve = toy_experiment.faithfulness_curve(
        toy_experiment.sweep("z", progress=False), (0.25, 0.5, 1), n_random=4, progress=False
    )
    ax = plot.faithfulness(curve, metric="kl", ax=Figure().subplots())
    *_, median, line = ax.lines
    np.testing.assert_allclose(
        line.get_xydata(), np.stack([curve.fractions, curve["kl"].faithfulness], 1)
    )
    np.testing.assert_allclose(median.get_ydata(), curve["kl"].band[1])
    assert (ax.get_xscale(), ax.get_ylabel()) == ("log", "faithfulness (kl)")
    assert ax.get_xlabel() == "part of 12 nodes kept"
    assert f"{curve['kl'].cpr:.3f}" in ax.get_title(loc="left")
    assert ax.get_title(loc="left").startswith("the rest corrupted")
    (band,) = ax.collections
    assert band.get_label() == "90 % of 4 random ones"


def test_points_stand_where_members_are_kept(toy_experiment: Experiment) -> None:
    """Of 12 heads, a fifth is 2, not 2.4."""
    heads = toy_experiment.sweep("z", progress=False)
    curve = toy_experiment.faithfulness_curve(
        heads, (0.2, 1), ablation=sources.zero(), n_random=0, progress=False
    )
    ax = plot.faithfulness(curve, ax=Figure().subplots())
    assert list(ax.lines[-1].get_xdata()) == [2 / 12, 1]
    assert ax.get_title(loc="left").startswith("the rest = zero()")


def test_without_random_circuits_there_is_no_band(toy_experiment: Experiment) -> None:
    curve = toy_experiment.faithfulness_curve(
        {"L0.H0": 1, "L1.H0": 2}, (0.5, 1), n_random=0, progress=False
    )
    ax = plot.faithfulness(curve, ax=Figure().subplots())
    assert not ax.collections
    assert len(ax.lines) == 3
