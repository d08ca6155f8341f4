"""Texts of users are drawn as they are: no name of a metric or of a position stops a figure."""

from io import BytesIO

import pytest
import torch
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

SCORES = {"L0.H0": 1.0, "L1.H1": 2.0}


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


@pytest.mark.parametrize("name", [r"$\bad$", "a\nb", "\ud800", "x" * 500], ids=ascii)
@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.filterwarnings("ignore:constrained_layout")
def test_any_name_can_be_drawn_by_the_figures_of_methods(
    toy_experiment: Experiment, name: str
) -> None:
    experiment = measuring(toy_experiment, name)
    heads = experiment.sweep("z", progress=False)
    noise, direct = (
        experiment.flip().sweep("z", progress=False),
        experiment.direct_effects("z", progress=False),
    )
    edges = experiment.sweep_paths(paths=["L0.H0->L1.mlp_in", "L1.H1->logits"], progress=False)
    nodes = pw.Circuit(["L0.H0", "L1.H1"])
    doses = experiment.dose_curve("L1.resid_post@-1", torch.ones(1), [0, 1], progress=False)
    curve = experiment.faithfulness_curve(SCORES, (0.5, 1), n_random=0, progress=False)
    for draw in (
        lambda ax: pw.plot.paths(edges, ax=ax),
        lambda ax: pw.plot.circuit(nodes, edges=edges, ax=ax),
        lambda ax: pw.plot.dose(doses, ax=ax),
        lambda ax: pw.plot.faithfulness(curve, labels=[name], title=name, ax=ax),
        lambda ax: pw.plot.total_direct(heads, direct, ax=ax),
        lambda ax: pw.plot.enough_needed(heads, noise, ax=ax),
        lambda ax: pw.plot.neuron_map([[1.0]], title=name, axes=(name, name), ax=ax),
    ):
        figure = Figure(layout="constrained")
        draw(figure.subplots())
        figure.savefig(BytesIO(), format="png", dpi=20)


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
