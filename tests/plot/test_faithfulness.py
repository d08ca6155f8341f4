"""The figure of a faithfulness curve."""

import warnings
from functools import partial

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from patchwidgets import plot, sources
from patchwidgets.errors import PatchError
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
    assert ax.get_xlabel() == "fraction of 12 nodes kept"
    assert (
        line.get_label() == f"largest scores: CPR {curve['kl'].cpr:.3f}, CMD {curve['kl'].cmd:.3f}"
    )
    assert ax.get_title(loc="left").startswith("corrupted outside the circuit")
    words = [text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts()]
    assert words[-1] == "CPR: area under a curve, CMD: between it and 1"
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
    assert ax.get_title(loc="left").startswith("zero() outside the circuit")


def test_without_random_circuits_there_is_no_band(toy_experiment: Experiment) -> None:
    curve = toy_experiment.faithfulness_curve(
        {"L0.H0": 1, "L1.H0": 2}, (0.5, 1), n_random=0, progress=False
    )
    ax = plot.faithfulness(curve, ax=Figure().subplots())
    assert not ax.collections
    assert len(ax.lines) == 3


def test_several_curves_in_one_figure(toy_experiment: Experiment) -> None:
    heads = toy_experiment.sweep("z", progress=False)
    curves = [
        toy_experiment.faithfulness_curve(
            heads, (0.5, 1), n_random=n, ablation=rest, progress=False
        )
        for n, rest in ((3, "corrupted"), (0, sources.zero()))
    ]
    ax = plot.faithfulness(*curves, ax=Figure().subplots())
    first, second = ax.lines[-2:]
    np.testing.assert_allclose(first.get_ydata(), curves[0].faithfulness)
    np.testing.assert_allclose(second.get_ydata(), curves[1].faithfulness)
    assert first.get_marker() != second.get_marker()
    areas = [f"CPR {curve.cpr:.3f}, CMD {curve.cmd:.3f}" for curve in curves]
    assert first.get_label() == f"largest scores, corrupted outside the circuit: {areas[0]}"
    assert second.get_label() == f"largest scores, zero() outside the circuit: {areas[1]}"
    named = plot.faithfulness(*curves, labels=["$a", "b"], title="mine", ax=Figure().subplots())
    assert named.lines[-2].get_label() == rf"\$a: {areas[0]}"
    assert named.get_title(loc="left") == "mine"


def test_misuse_is_refused(toy_experiment: Experiment) -> None:
    curve = toy_experiment.faithfulness_curve(
        {"L0.H0": 1, "L1.H0": 2}, (0.5, 1), n_random=0, progress=False
    )
    with pytest.raises(PatchError, match=r"^Expected one to 4 curves; got 0\.$"):
        plot.faithfulness()
    with pytest.raises(PatchError, match=r"^Expected a label for each of 1 curves; got 2\.$"):
        plot.faithfulness(curve, labels=["a", "b"])


def test_a_narrow_panel_has_room_for_the_curve_beside_its_legend(
    toy_experiment: Experiment,
) -> None:
    heads = toy_experiment.sweep("z", progress=False)
    curve = toy_experiment.faithfulness_curve(heads, (0.25, 1), n_random=4, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot.panels(
            "ab", a=partial(plot.heatmap, heads), b=partial(plot.faithfulness, curve)
        )
        figure.canvas.draw()
    widths = [ax.get_window_extent().width / figure.dpi for ax in figure.axes[:2]]
    plt.close(figure)
    assert min(widths) > 1
