"""Figures of neurons: one over pairs of operands, and how much a few of them keep."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.errors import PatchError
from patchwidgets.facade import Experiment

GRID = np.add.outer(np.arange(4.0), 10 * np.arange(3))


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.addition(6, varies="both"), ["logit_diff", "kl"])


def axes() -> Axes:
    return Figure(figsize=(5, 4)).subplots()


def test_a_map_has_a_upwards_and_b_to_the_right() -> None:
    ax = pw.plot.neuron_map(GRID, title="L3.N5", ax=axes())
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), GRID)
    assert (image.origin, image.get_clim()) == ("lower", (0, 23))
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("b", "a", "L3.N5")
    (bar,) = [each for each in ax.get_figure().axes if each is not ax]  # type: ignore[union-attr]
    assert bar.get_ylabel() == "activation"


def test_a_map_of_ones_own() -> None:
    holes = np.where(GRID == 0, np.nan, GRID)
    ax = pw.plot.neuron_map(
        holes, axes=("minuend", "$x$"), limits=(-1, 1), cmap="cividis", cbar=False, ax=axes()
    )
    (image,) = ax.images
    assert (image.get_clim(), image.get_cmap().name) == ((-1, 1), "cividis")
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("minuend", r"\$x\$")
    assert np.ma.getmaskarray(image.get_array()).sum() == 1
    assert len(ax.get_figure().axes) == 1  # type: ignore[union-attr]


def test_maps_share_the_range_of_the_first() -> None:
    figure = pw.plot.neuron_maps({"neuron": GRID, "fit": 2 * GRID, "rest": -GRID}, columns=2)
    maps, bar = figure.axes[:-1], figure.axes[-1]
    assert [ax.get_title(loc="left") for ax in maps] == ["neuron", "fit", "rest"]
    assert {ax.images[0].get_clim() for ax in maps} == {(0, 23)}
    assert bar.get_ylabel() == "activation"


def test_neurons_kept(experiment: Experiment) -> None:
    scores = experiment.sweep("neuron", layers=[3], progress=False)
    curve = experiment.faithfulness_curve(scores, (0.01, 0.1, 0.4, 1), n_random=3, progress=False)
    ax = pw.plot.neurons_kept(curve, ax=axes())
    assert list(ax.lines[-1].get_xdata()) == [5, 51, 204, 512]
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), curve.faithfulness)
    assert ax.get_xlabel() == "neurons kept, of 512"
    first, left = next(
        each for each in zip(curve.n_kept, curve.faithfulness, strict=True) if each[1] >= 0.9
    )
    title = ax.get_title(loc="left").replace("\n", " ").replace("\xa0", " ")
    assert title == f"the rest corrupted, {first} of 512 neurons: {left:.0%}".replace(
        "%", " % of the effect"
    )


def test_misuse_is_refused(experiment: Experiment) -> None:
    with pytest.raises(
        PatchError,
        match=r"^Expected a number for each pair of operands, \[a, b\]; got .* shape \(3,\)",
    ):
        pw.plot.neuron_map(np.arange(3))
    with pytest.raises(PatchError, match=r"got <U1 of shape \(1, 1\)"):
        pw.plot.neuron_map([["a"]])  # type: ignore[arg-type]
    with pytest.raises(PatchError, match=r"^Expected one or more maps by title"):
        pw.plot.neuron_maps({})
    heads = experiment.sweep("z", progress=False)
    curve = experiment.faithfulness_curve(heads, (0.5, 1), n_random=0, progress=False)
    with pytest.raises(
        PatchError, match=r"^Expected a curve over neurons.*; this one has L0\.H0\. pw\.plot\.faith"
    ):
        pw.plot.neurons_kept(curve)
    with pytest.raises(
        PatchError, match=r"^Expected what exp\.faithfulness_curve\(\.\.\.\) returns; got int\.$"
    ):
        pw.plot.neurons_kept(3)  # type: ignore[arg-type]
