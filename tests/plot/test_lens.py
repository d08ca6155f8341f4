"""Figures of lenses: the top token of each cell, its probability as colour, and scores of the answer by layer."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.errors import LensError, PatchError
from patchwidgets.facade import Experiment
from patchwidgets.models.lenses.result import LensResult
from patchwidgets.plot.colours import LINES, MARKERS


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6))


def axes() -> Axes:
    return Figure(figsize=(7, 3), layout="constrained").subplots()


def cells(ax: Axes) -> np.ndarray:
    return np.asarray(ax.images[0].get_array())


def title(ax: Axes) -> str:
    return ax.get_title(loc="left").replace("\n", " ")


def test_positions_with_their_tokens(experiment: Experiment) -> None:
    lens = experiment.clean.lens(pos=None)
    ax = pw.plot.lens(lens, pair=2, ax=axes())
    data = lens.to_xarray().sel(pair=2).isel(top=0)
    np.testing.assert_allclose(cells(ax), data["top_prob"].transpose("layer", "pos").values)
    assert ax.images[0].get_clim() == (0, 1)
    assert title(ax) == "logit lens of resid_post, pair 2"
    tokens = [str(token) for token in data["token"].values]
    assert ax.get_xticklabels()[1].get_text() == f"{tokens[1].replace(' ', '␣')} 1"
    assert len(ax.texts) == cells(ax).size
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("position (bold: the answer)", "layer")
    (bar,) = [each for each in ax.get_figure().axes if each is not ax]  # type: ignore[union-attr]
    assert bar.get_ylabel() == "probability of the token"


def test_one_position_of_one_run_has_its_top_tokens(experiment: Experiment) -> None:
    lens = experiment.clean.lens(k=3)
    ax = pw.plot.lens(lens, ax=axes())
    data = lens.to_xarray().sel(pair=0).isel(pos=0).transpose("layer", "top")
    expected = [str(token).replace(" ", "␣") for token in data["top_token"].values.ravel()]
    assert [text.get_text() for text in ax.texts] == expected
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "3"]
    answer = str(data["answer"].values).replace(" ", "␣")
    bold = {text.get_text() for text in ax.texts if text.get_fontweight() == "bold"}
    assert bold == {answer}


def test_runs_stand_side_by_side(experiment: Experiment) -> None:
    lens = experiment.patch("L0.H1").lens(method="jacobian")
    ax = pw.plot.lens(lens, ax=axes())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["clean", "patched", "corrupted"]
    assert cells(ax).shape == (4, 3)
    assert title(ax) == "Jacobian lens of resid_post, position 14, pair 0"
    alone = pw.plot.lens(lens, run="corrupted", cbar=False, title="mine", ax=axes())
    assert (title(alone), len(alone.get_figure().axes)) == ("mine", 1)  # type: ignore[union-attr]


def test_the_patched_run_is_drawn_at_several_positions(experiment: Experiment) -> None:
    lens = experiment.patch("L0.H1").lens(pos=None)
    ax = pw.plot.lens(lens, ax=axes())
    data = lens.to_xarray().sel(pair=0, run="patched").isel(top=0)
    np.testing.assert_allclose(cells(ax), data["top_prob"].transpose("layer", "pos").values)
    assert title(ax) == "logit lens of resid_post, patched run, pair 0"


def test_tokens_are_shortened_to_their_cells(experiment: Experiment) -> None:
    data = experiment.clean.lens(k=3).to_xarray()
    long = np.full(data["top_token"].shape, " internationalisation")
    lens = LensResult(data.assign(top_token=(data["top_token"].dims, long)))
    texts = [text.get_text() for text in pw.plot.lens(lens, ax=axes()).texts]
    assert texts[0].startswith("␣inter")
    assert texts[0].endswith("…")
    tiny = Figure(figsize=(0.3, 0.3)).subplots()
    assert not pw.plot.lens(lens, cbar=False, ax=tiny).texts


@pytest.mark.parametrize("dark", [False, True])
def test_letters_are_seen_on_every_colour(experiment: Experiment, dark: bool) -> None:
    with plt.rc_context():
        plt.style.use("dark_background" if dark else "default")
        ax = pw.plot.lens(experiment.clean.lens(pos=None), ax=axes())
        image = ax.images[0]
        for text, probability in zip(ax.texts, cells(ax).ravel(), strict=True):
            red, green, blue, _ = image.cmap(image.norm(probability))
            light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
            assert text.get_color() == ("white" if light < 0.45 else "black")


def test_scores_by_layer(experiment: Experiment) -> None:
    lens = experiment.patch("L0.H1").lens()
    ax = pw.plot.lens_scores(lens, ax=axes())
    data = lens.to_xarray()["logit_diff"].isel(pos=0).mean("pair")
    for run, line in zip(lens.runs, ax.lines, strict=False):
        assert line.get_label() == run
        np.testing.assert_allclose(line.get_ydata(), data.sel(run=run).values)
        assert line.get_marker() == MARKERS[run]
    assert ax.lines[0].get_linestyle() == LINES["clean"]
    assert len(ax.collections) == 3
    assert (ax.get_ylabel(), title(ax)) == (
        "logit_diff",
        "logit lens of resid_post, position 14, 6 pairs",
    )


def test_a_run_that_equals_another_does_not_hide_it(experiment: Experiment) -> None:
    ax = pw.plot.lens_scores(experiment.patch("L0.H1").lens(), ax=axes())
    clean, patched, _ = ax.lines[:3]
    assert clean.get_linewidth() > 2 * patched.get_linewidth()
    assert clean.get_markersize() > 2 * patched.get_markersize()
    assert patched.is_dashed()
    assert not clean.is_dashed()


@pytest.mark.parametrize("width", ["column", "text", "page"])
def test_tokens_stand_upright_rather_than_cut(experiment: Experiment, width: str) -> None:
    with pw.plot.style("paper", width):  # type: ignore[arg-type]
        ax = pw.plot.lens(experiment.clean.lens(pos=None))
    data = experiment.clean.lens(pos=None).to_xarray().isel(pair=0, top=0)
    tokens = data["top_token"].transpose("layer", "pos").values.ravel()
    names = [str(token).replace(" ", "␣") for token in tokens]
    short_ones = [name for name in names if len(name) <= 6]
    drawn = {text.get_text() for text in ax.texts}
    assert set(short_ones) <= drawn


def test_ranks_are_medians_with_the_top_above(experiment: Experiment) -> None:
    lens = experiment.clean.lens()
    ax = pw.plot.lens_scores(lens, "answer_rank", ax=axes())
    (line,) = ax.lines
    expected = lens.to_xarray()["answer_rank"].isel(pos=0).median("pair").values
    np.testing.assert_allclose(line.get_ydata(), expected)
    low, high = ax.get_ylim()
    assert (low > high, ax.get_yscale(), ax.get_ylabel()) == (True, "log", "rank of the answer")
    assert not ax.collections


def test_a_result_of_a_bare_run_is_drawn() -> None:
    ax = pw.plot.lens(pw.load().run("12+34=").lens(k=2), ax=axes())
    assert ax.get_xlabel() == "rank of the token"
    with pytest.raises(LensError, match=r"^There is no answer to draw\. "):
        pw.plot.lens_scores(pw.load().run("12+34=").lens())


def test_misuse_is_refused(experiment: Experiment) -> None:
    lens = experiment.patch("L0.H1").lens()
    for draw in (pw.plot.lens, pw.plot.lens_scores):
        with pytest.raises(
            PatchError, match=r"^Expected what run\.lens\(\.\.\.\) returns; got int\.$"
        ):
            draw(3)  # type: ignore[arg-type]
    with pytest.raises(LensError, match=r"^There is no pair 9 here; there is 0, 1, 2, 3, 4, 5\.$"):
        pw.plot.lens(lens, pair=9)
    with pytest.raises(
        LensError, match=r"^There is no run 'mine' here; there is clean, patched, corrupted\.$"
    ):
        pw.plot.lens(lens, run="mine")
    with pytest.raises(LensError, match=r"there is a single one, which needs no name\.$"):
        pw.plot.lens(experiment.clean.lens(), run="clean")
    with pytest.raises(LensError, match=r"^There is no score 'kl' here; there is answer_logprob, "):
        pw.plot.lens_scores(lens, "kl")
    with pytest.raises(
        LensError, match=r"^This lens read 15 positions, and a line is of one; read again with"
    ):
        pw.plot.lens_scores(experiment.clean.lens(pos=None))


@pytest.mark.filterwarnings("ignore:Glyph")
def test_tokens_of_any_kind_are_text(experiment: Experiment) -> None:
    data = experiment.clean.lens(k=3).to_xarray()
    odd = np.resize(
        np.array([r"$\bad$", "$", "a\nb", "\u202eabc", "{0}%s", "人工智能研究中心"]),
        data["top_token"].shape,
    )
    lens = LensResult(data.assign(top_token=(data["top_token"].dims, odd)))
    ax = pw.plot.lens(lens, ax=axes())
    ax.figure.savefig(BytesIO(), format="png", dpi=40)
    assert r"\$\bad\$" in {text.get_text() for text in ax.texts}
