"""What the figures of additions draw."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from patchwidgets import helix, plot
from patchwidgets.errors import PatchError
from patchwidgets.facade import Experiment
from patchwidgets.helix.answers import AnswerErrors
from patchwidgets.helix.layer_fits import LayerFits
from patchwidgets.helix.roles import NeuronRoles
from patchwidgets.tasks import Task, addition
from tests.support.number_model import number_model


@pytest.fixture(scope="module")
def fits() -> LayerFits:
    exp = Experiment(number_model(), addition(8, varies="both"))
    return helix.compare_by_layer(exp, component="resid_pre")


@pytest.mark.parametrize("quantity", ["effect", "share", "relative", "r2"])
def test_each_fit_has_a_line_with_its_sign(fits, quantity):
    ax = plot.by_layer(fits, quantity, ax=Figure().subplots())
    values = getattr(fits, quantity)
    lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    first = 0 if quantity in ("effect", "share") else 1
    assert list(lines) == list(fits.fits[first:])
    for column, name in enumerate(fits.fits[first:], first):
        assert lines[name].get_xdata().tolist() == list(fits.layers)
        np.testing.assert_allclose(lines[name].get_ydata(), values[:, column])
    assert (values < 0).any() or quantity != "effect"
    styles = {(line.get_marker(), str(line.get_linestyle())) for line in lines.values()}
    assert len(styles) == len(lines)


def test_words_of_fits_by_layer(fits):
    ax = plot.by_layer(fits, ax=Figure().subplots())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("layer", "effect on logit_diff")
    assert ax.get_title(loc="left") == "resid_pre@a from fits, denoise"
    (band,) = ax.collections
    np.testing.assert_allclose(band.get_paths()[0].get_extents().ymax, fits.high[:, 0].max())
    assert plot.by_layer(fits, title="mine", ax=Figure().subplots()).get_title(loc="left") == "mine"
    with pytest.raises(
        PatchError, match="There is no quantity 'recovery' of fits; there are relative"
    ):
        plot.by_layer(fits, "recovery")


def test_the_first_component_and_its_line():
    n = np.arange(20)
    first = helix.first_component(np.column_stack([2 * n, n % 2]), n)
    ax = plot.first_component(first, ax=Figure().subplots())
    line, dots = ax.lines
    np.testing.assert_allclose(dots.get_xydata(), np.column_stack([n, first.values]))
    np.testing.assert_allclose(line.get_ydata(), first.constant + first.slope * n)
    assert ax.get_title(loc="left").startswith("R² of the line 1.00")


def made_up(off: list[int], logits: np.ndarray | None = None) -> AnswerErrors:
    right = np.full(len(off), 100)
    task = Task(["1+1="] * len(off), ["1+2="] * len(off), "2", "3")
    given = np.zeros((len(off), 200)) if logits is None else logits
    return AnswerErrors(right, right + off, np.ones(len(off), dtype=bool), given, task)


def test_bars_are_errors():
    off = [0, 0, 0, 0, -10, -10, 1, 7]
    ax = plot.errors(made_up(off), most=2, ax=Figure().subplots())
    drawn = {
        text.get_text(): bar.get_height()
        for text, bar in zip(ax.get_xticklabels(), ax.patches, strict=True)
    }
    assert drawn == {"\N{MINUS SIGN}10": 25.0, "+1": 12.5}
    assert ax.get_title(loc="left").replace("\n", " ") == "50 % of 8 right, 1 other errors"
    assert len(plot.errors(made_up([0, 0]), ax=Figure().subplots()).patches) == 0


def test_waves_are_drawn_round_the_right_number():
    logits = np.cos(2 * np.pi * (np.arange(200) - 100) / 10)[None].repeat(2, 0)
    answers = made_up([0, 0], logits)
    ax = plot.logit_waves(answers, span=20, k=1, ax=Figure().subplots())
    line = ax.lines[-1]
    assert line.get_xdata().tolist() == list(range(-20, 21))
    np.testing.assert_allclose(line.get_ydata(), logits[0, 80:121] - logits[0].mean(), atol=1e-9)
    assert ax.get_title(loc="left") == "strongest short periods 10"
    same = plot.logit_waves(answers.waves(), span=20, ax=Figure().subplots())
    np.testing.assert_allclose(same.lines[-1].get_ydata(), line.get_ydata())


def test_dots_of_roles():
    frame = roles_frame([(3, 7, 2.0, 1.5, 0.9), (0, 4, -1.0, 0.2, 0.1), (1, 1, 1e-9, 0.0, 0.5)])
    frame.loc[2, "directness"] = np.nan
    ax = plot.neuron_roles(
        NeuronRoles(frame, "answer_logit", "denoise", 99), label=1, ax=Figure().subplots()
    )
    (dots,) = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), [[0.9, 0.75], [0.1, -0.2]])
    sizes, filled = dots.get_sizes(), dots.get_facecolors()
    assert sizes[0] > sizes[1]
    assert filled[1].tolist() == list(to_rgba("none"))
    assert filled[0][3] > 0
    assert [text.get_text() for text in ax.texts] == ["L3.N7"]
    assert "answer_logit" in ax.get_title(loc="left")


def roles_frame(rows):
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["layer", "neuron", "total", "direct", "sum_part"])
    return frame.assign(directness=frame["direct"] / frame["total"])


@pytest.mark.parametrize(
    "draw", [plot.by_layer, plot.first_component, plot.errors, plot.logit_waves, plot.neuron_roles]
)
def test_what_cannot_be_drawn(draw):
    with pytest.raises(PatchError, match=r"Expected what pw\.helix\.\w+\(.*got int"):
        draw(7)
