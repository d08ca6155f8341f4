"""Texts of users are drawn as they are: no name of a metric or of a position stops a figure."""

from io import BytesIO

import pytest
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.metrics import Metric, Readout
from patchwidgets.plot.texts import literal

NAMES = [
    r"$\bad$",
    r"$x_$",
    "$",
    r"\$",
    "a\nb",
    "a\x00b",
    "\ud800",
    "\u202eabc",
    "{0}%s",
    "x" * 500,
]


def first_logit(readout: Readout) -> object:
    return readout.logits[:, 3]


def measuring(experiment: Experiment, name: str) -> Experiment:
    return experiment.measuring(Metric(name, first_logit, name))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.filterwarnings("ignore:constrained_layout")
def test_any_name_of_a_metric_can_be_drawn(toy_experiment: Experiment, name: str) -> None:
    experiment = measuring(toy_experiment, name)
    result, heads = experiment.patch("L1.H2"), experiment.sweep("z", progress=False)
    for draw in (
        lambda ax: pw.plot.flow(result, ax=ax),
        lambda ax: pw.plot.logits(result, ax=ax),
        lambda ax: pw.plot.heatmap(heads, ax=ax),
        lambda ax: pw.plot.layers(heads, ax=ax),
    ):
        figure = Figure(layout="constrained")
        draw(figure.subplots())
        figure.savefig(BytesIO(), format="png", dpi=40)
    assert pw.plot.flow_png(result).startswith(b"\x89PNG")


def test_dollars_are_drawn_as_dollars(toy_experiment: Experiment) -> None:
    experiment = measuring(toy_experiment, r"$\bad$")
    ax = pw.plot.layers(experiment.sweep("z", progress=False), ax=Figure().subplots())
    assert ax.yaxis.label._preprocess_math(ax.get_ylabel()) == (r"share of $\bad$", False)


def test_many_patches_are_named_in_short_and_drawn_once_for_each_place(
    toy_experiment: Experiment,
) -> None:
    result = toy_experiment.patch(*(f"L{i % 3}.N{i // 3}" for i in range(120)))
    ax = pw.plot.flow(result)
    assert sum(patch.get_gid() == "splice" for patch in ax.patches) == 3
    assert ax.get_title(loc="left").startswith("120 sites ")
    assert "L1.N2 + 112 more, denoise" in repr(result)


def test_tokens_that_look_like_formulas_are_text() -> None:
    ax = Figure().subplots()
    ax.set_title(literal("$x^2$ and $"))
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert ax.get_title() == r"\$x^2\$ and \$"
