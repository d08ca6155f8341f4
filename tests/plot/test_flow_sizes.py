"""Lanes at the widths of papers, notebooks and slides: nothing overlaps or is cut; files are small."""

from collections.abc import Callable
from functools import cache
from io import BytesIO

import pytest
from matplotlib import pyplot as plt

import patchwidgets as pw
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.sites import Patch
from tests.plot import models
from tests.plot.layout import assert_nothing_overlaps, assert_printable
from tests.support.odd_tokens import odd_model

WIDTHS = (("paper", "column"), ("paper", "text"), ("paper", "page"), ("notebook", None), ("slide", None))  # fmt: skip
JOINT = ("L0.H1@2", "L1.H2", "L1.mlp_out@-1", "L2.resid_post", "L0.N3", "embed")


@cache
def names() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(1))


@cache
def pairs() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6))


@cache
def sums() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.addition(20, varies="both"), "answer_prob")


def odd() -> pw.Experiment:
    clean = "w1 $$x^2$$ a\nb </script><img src=x onerror=alert(1)> w5 שלום w9"
    task = pw.Task(clean, clean.replace("w5", "📎 é"), " w8", " w9")
    return pw.Experiment(odd_model(), task)


RESULTS: dict[str, Callable[[], PatchResult | PathResult]] = {
    "4 x 4": lambda: names().patch("L0.H1"),
    "nothing": lambda: names().patch(),
    "joint": lambda: names().patch(*JOINT),
    "all heads": lambda: names().patch(*(f"L{i}.H{j}" for i in range(4) for j in range(4))),
    "zero": lambda: names().patch(Patch("L1.H1", pw.sources.zero())),
    "path": lambda: names().path("L0.H1", "L1.H1.v", "logits"),
    "noise": lambda: names().flip().patch("L1.H1", "L2.mlp_out"),
    "pairs": lambda: pairs().patch("L0.H1", "L1.H2@-1"),
    "embeddings of pairs": lambda: sums().patch("embed@a"),
    "30 x 10": lambda: models.middle().patch("L20.H3", "L28.mlp_out"),
    "80 x 64": lambda: models.large().patch("L40.H20", "L79.H63"),
    "200 tokens": lambda: models.long_prompt().patch("L1.H1@120"),
    "long tokens": lambda: models.long_tokens().patch("L1.H1@2"),
    "Chinese": lambda: models.chinese().patch("L1.H1@1"),
    "hostile": lambda: odd().patch("L1.H2", "L0.mlp_out@1"),
}


@cache
def result_of(name: str) -> PatchResult | PathResult:
    return RESULTS[name]()


@pytest.mark.parametrize(("style", "width"), WIDTHS)
@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_nothing_overlaps_or_is_cut(name: str, style: str, width: str | None) -> None:
    with pw.plot.style(style, width):  # type: ignore[arg-type]
        ax = pw.plot.flow(result_of(name))
        assert_nothing_overlaps(ax.figure)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["4 x 4", "joint", "200 tokens", "Chinese"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_nothing_overlaps_in_axes_that_are_given(name: str) -> None:
    for size in ((7, 3.5), (7, 8), (4, 6), (12, 4)):
        figure, ax = plt.subplots(figsize=size, layout="constrained")
        pw.plot.flow(result_of(name), title="", ax=ax)
        assert_nothing_overlaps(figure)


@pytest.mark.parametrize("name", ["4 x 4", "30 x 10", "80 x 64"])
def test_files_are_small_and_their_words_can_be_searched(name: str) -> None:
    with pw.plot.style("paper", "page"):
        figure = pw.plot.flow(result_of(name)).figure
        assert_printable(figure, "Patched", "logit diff", "stream")  # type: ignore[arg-type]
        file = BytesIO()
        figure.savefig(file, format="svg")
    assert len(file.getvalue()) < 200_000
    assert (file.getvalue().count(b"<image") > 0) == (name == "80 x 64")
    assert b">Patched</text>" in file.getvalue()


@pytest.mark.filterwarnings("ignore:Glyph")
def test_characters_of_other_fonts_leave_no_word_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Few of these fonts have bold letters, and matplotlib says so each time one looks for them."""
    with caplog.at_level("WARNING", logger="matplotlib.font_manager"):
        pw.plot.flow(result_of("Chinese")).figure.savefig(BytesIO())
        pw.plot.pattern(result_of("Chinese"), "L1.H1").figure.savefig(BytesIO())  # type: ignore[arg-type]
    assert "weight bold" not in caplog.text
