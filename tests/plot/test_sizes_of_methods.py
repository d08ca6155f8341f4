"""Figures of paths, circuits, lenses, doses, scatters and neurons at every size: nothing overlaps or is cut."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.models.lenses.result import LensResult
from tests.plot.large import LONG_TOKENS, large_edges
from tests.plot.layout import assert_nothing_overlaps, assert_printable

STYLES = [("paper", "column"), ("paper", "page"), ("slide", None)]
"""The narrowest, the widest and the largest type."""


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(1))


@pytest.fixture(scope="module")
def many() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6))


def deep_lens(experiment: Experiment) -> LensResult:
    """Of 30 layers and long tokens, Chinese ones among them."""
    small = experiment.patch("L0.H1").lens(pos=None).to_xarray()
    deep = small.isel(layer=np.arange(30) % 4).assign_coords(layer=np.arange(30))
    tokens = np.resize(np.array(LONG_TOKENS), deep["top_token"].shape)
    return LensResult(deep.assign(top_token=(deep["top_token"].dims, tokens)))


@pytest.fixture(scope="module")
def draw(experiment: Experiment, many: Experiment) -> dict[str, Callable[[], Figure | Axes]]:
    edges, deep = experiment.edges(progress=False), deep_lens(experiment)
    large = large_edges(30, 9)
    heads, noise = many.sweep("z", progress=False), many.flip().sweep("z", progress=False)
    direct = many.direct_effects("z", progress=False)
    neurons = many.sweep("neuron", layers=[1], progress=False)
    kept = partial(many.faithfulness_curve, progress=False)
    curves = [
        kept(heads, (0.1, 0.5, 1), n_random=3),
        kept(heads, (0.1, 0.5, 1), n_random=0, ablation=pw.sources.zero()),
    ]
    vector = many.source["L1.resid_post@-1"] - many.host["L1.resid_post@-1"]
    doses = many.dose_curve("L1.resid_post@-1", vector, [-1, 0, 0.5, 1, 2], progress=False)
    nodes = pw.Circuit.top(heads, 8) | pw.Circuit(["embed", "L0.mlp_out", "L3.mlp_out"])
    evaluated = many.evaluate(nodes)
    of_neurons = kept(neurons, (0.01, 0.1, 1), n_random=3)
    grid = np.add.outer(np.sin(np.arange(30)), np.arange(20))
    plot = pw.plot
    return {
        "30 edges": lambda: plot.paths(edges),
        "30 edges of 30 layers": lambda: plot.paths(large, label=8),
        "a path": lambda: plot.paths(experiment.path("L0.H1", "L1.mlp_in@-1", "logits")),
        "a circuit of edges": lambda: plot.circuit(pw.Circuit.top(edges, 40).prune()),
        "a circuit of nodes": lambda: plot.circuit(nodes),
        "an evaluated circuit": lambda: plot.circuit(evaluated, edges=edges),
        "faithfulness": lambda: plot.faithfulness(curves[0]),
        "two faithfulness curves": lambda: plot.faithfulness(*curves),
        "neurons kept": lambda: plot.neurons_kept(of_neurons),
        "a neuron": lambda: plot.neuron_map(grid, title="L3.N5"),
        "neurons": lambda: plot.neuron_maps({"L3.N5": grid, "its fit": grid.round()}),
        "compare": lambda: plot.compare(many.estimate("z", progress=False).compare(heads)),
        "dose": lambda: plot.dose(doses),
        "dose, recovery": lambda: plot.dose(doses, quantity="recovery"),
        "total and direct": lambda: plot.total_direct(heads, direct),
        "enough and needed": lambda: plot.enough_needed(heads, noise),
        "attribution": lambda: plot.attribution(many.clean.logit_attribution()),
        "lens, positions": lambda: plot.lens(experiment.clean.lens(pos=None)),
        "lens, tokens": lambda: plot.lens(experiment.clean.lens(k=5)),
        "lens, runs": lambda: plot.lens(many.patch("L0.H1").lens(method="jacobian")),
        "lens, 30 layers": lambda: plot.lens(deep),
        "lens scores": lambda: plot.lens_scores(many.patch("L0.H1").lens()),
        "lens ranks": lambda: plot.lens_scores(experiment.patch("L0.H1").lens(), "answer_rank"),
    }


FIGURES = [
    "30 edges", "30 edges of 30 layers", "a path", "a circuit of edges", "a circuit of nodes", "an evaluated circuit",
    "faithfulness", "two faithfulness curves", "neurons kept", "a neuron", "neurons", "compare", "dose",
    "dose, recovery", "total and direct", "enough and needed", "attribution", "lens, positions", "lens, tokens",
    "lens, runs", "lens, 30 layers", "lens scores", "lens ranks",
]  # fmt: skip


def figure_of(drawn: Figure | Axes) -> Figure:
    figure = drawn if isinstance(drawn, Figure) else drawn.get_figure()
    assert isinstance(figure, Figure)
    return figure


@pytest.mark.parametrize(("style", "width"), STYLES)
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_nothing_overlaps_at_any_size(
    draw: dict[str, Callable[[], Figure | Axes]], name: str, style: str, width: str | None
) -> None:
    with pw.plot.style(style, width):  # type: ignore[arg-type]
        assert_nothing_overlaps(figure_of(draw[name]()))


PRINTED = {
    "30 edges": ["L3.MLP", "effect on logit_diff"],
    "faithfulness": ["90 % of 3 random ones"],
    "compare": ["estimate (AtP)"],
    "dose": ["the middle 80 % of 6 pairs"],
    "enough and needed": ["needed: share of logit_diff, noise"],
    "lens, positions": ["bold: the answer"],
    "a neuron": ["L3.N5"],
    "attribution": ["contribution to the logit difference"],
}


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_letters_are_letters_in_a_pdf(
    draw: dict[str, Callable[[], Figure | Axes]], name: str
) -> None:
    with pw.plot.style("paper", "column"):
        assert_printable(figure_of(draw[name]()), *PRINTED[name])
