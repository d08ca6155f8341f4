"""Figures of sweeps at the widths of papers: nothing overlaps or is cut, files are small, fonts are embedded."""

from collections.abc import Callable
from functools import partial
from io import BytesIO

import pytest
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.plot.style import WIDTHS
from tests.plot.large import large_sweep, long_sweep
from tests.plot.layout import assert_nothing_overlaps, assert_printable


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(1))


@pytest.fixture(scope="module")
def many() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6))


@pytest.fixture(scope="module")
def draw(experiment: Experiment, many: Experiment) -> dict[str, Callable[[], Figure]]:
    """Figures by name, each made when it is asked for, on a new figure."""
    activations = pw.helix.number_activations(experiment.model, "L0.resid_pre")
    fit = pw.helix.fit_numbers(pw.helix.NUMBERS, activations)
    heads, of_many = large_sweep(experiment, 80, 64), many.sweep("z", progress=False)
    circle = partial(pw.plot.helix, fit, activations, pw.helix.NUMBERS)

    def map_of(result: pw.SweepResult, **options: object) -> Callable[[], Figure]:
        return lambda: pw.plot.heatmap(result, **options).figure  # type: ignore[arg-type]

    return {
        "4 x 4, numbers": map_of(experiment.sweep("z", progress=False), annotate=True),
        "30 x 9": map_of(large_sweep(experiment, 30, 9)),
        "80 x 64": map_of(heads),
        "80 x 64, effects": map_of(heads, quantity="effect"),
        "positions": map_of(experiment.sweep("resid_pre", ("layer", "pos"), progress=False)),
        "named positions": map_of(many.sweep("resid_pre", ("layer", "pos_name"), progress=False)),
        "30 x 200 long tokens": map_of(long_sweep(experiment, 30, 200)),
        "two maps": lambda: pw.plot.heatmaps([heads, heads], titles=["total", "direct"]),
        "layers of 80 x 64": lambda: pw.plot.layers(heads, label=8).figure,
        "layers of pairs": lambda: pw.plot.layers(of_many).figure,
        "pairs": lambda: pw.plot.pairs(of_many).figure,
        "pairs of long names": lambda: pw.plot.pairs(
            many.patch("L0.H1"), many.patch(*(f"L1.H{i}@S2" for i in range(4)))
        ).figure,
        "spectrum": lambda: pw.plot.spectrum(pw.helix.spectrum(activations)).figure,
        "circle": lambda: circle(period=5).figure,
        "line": lambda: circle().figure,
        "panels": lambda: pw.plot.panels(
            "ab;cc", a=partial(pw.plot.heatmap, heads), b=partial(pw.plot.layers, of_many),
            c=partial(pw.plot.pairs, of_many),
        ),
    }  # fmt: skip


FIGURES = [
    "4 x 4, numbers", "30 x 9", "80 x 64", "80 x 64, effects", "positions", "named positions", "30 x 200 long tokens",
    "two maps", "layers of 80 x 64", "layers of pairs", "pairs", "pairs of long names", "spectrum", "circle", "line",
    "panels",
]  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_nothing_overlaps_at_the_widths_of_papers(
    draw: dict[str, Callable[[], Figure]], name: str, width: str
) -> None:
    with pw.plot.style("paper", width):  # type: ignore[arg-type]
        figure = draw[name]()
        assert figure.get_figwidth() == WIDTHS[width]
        assert_nothing_overlaps(figure)


@pytest.mark.parametrize("style", ["notebook", "slide"])
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_nothing_overlaps_in_notebooks_and_on_slides(
    draw: dict[str, Callable[[], Figure]], name: str, style: str
) -> None:
    with pw.plot.style(style):  # type: ignore[arg-type]
        assert_nothing_overlaps(draw[name]())


@pytest.mark.parametrize("name", ["80 x 64", "positions", "layers of 80 x 64", "pairs"])
def test_a_pdf_is_small_and_its_words_can_be_searched(
    draw: dict[str, Callable[[], Figure]], name: str
) -> None:
    with pw.plot.style("paper", "text"):
        figure = draw[name]()
        assert_printable(figure, "logit_diff", "L0.H1" if name == "pairs" else "layer")
        file = BytesIO()
        figure.savefig(file, format="svg")
    assert len(file.getvalue()) < 200_000
    assert b"<text" in file.getvalue()
