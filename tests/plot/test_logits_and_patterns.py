"""Next tokens and attention of the three runs: bars, intervals and maps are the numbers; nothing overlaps."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.intervals import mean_interval
from patchwidgets.plot.colours import DARK, HATCHES, LIGHT
from patchwidgets.plot.pattern_maps import spaced
from tests.plot import models
from tests.plot.layout import assert_nothing_overlaps, assert_printable


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(1))


@pytest.fixture(scope="module")
def dataset() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.addition(6, varies="both", part="test"))


@pytest.fixture(scope="module")
def longer() -> Experiment:
    return models.long_tokens()


@pytest.fixture(scope="module")
def chinese() -> Experiment:
    return models.chinese()


def test_bars_are_the_logits_of_the_three_runs(experiment: Experiment, ax: Axes) -> None:
    result = experiment.patch("L0.H1")
    assert pw.plot.logits(result, k=3, ax=ax) is ax
    rows = result.top_tokens(3)
    expected = [
        getattr(row, run).logit for row in rows for run in ("clean", "patched", "corrupted")
    ]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(expected)
    assert [to_hex(bar.get_facecolor()).upper() for bar in ax.patches[:3]] == list(
        LIGHT.runs.values()
    )
    assert [bar.get_hatch() or "" for bar in ax.patches[:3]] == list(HATCHES.values())
    names = [text.get_text().split()[-1] for text in ax.texts[:3]]
    assert names == ["clean", "patched", "corrupted"]
    assert ax.get_xlabel() == "logit"
    assert ax.get_title(loc="left") == "L0.H1, denoise"
    assert pw.plot.logits(result, title="").get_title(loc="left") == ""


def test_probabilities_of_one_pair_and_intervals_of_several(dataset: Experiment) -> None:
    result = dataset.patch("L0.H1")
    one = pw.plot.logits(result, k=2, pair=3, scale="prob")
    rows = result.top_tokens(2, pair=3)
    probs = [getattr(row, run).prob for row in rows for run in ("clean", "patched", "corrupted")]
    assert [bar.get_width() for bar in one.patches] == pytest.approx(probs)
    assert one.get_title(loc="left") == "L0.H1, denoise, pair 4 of 6"
    assert not one.collections


def test_pairs_with_answers_of_their_own_have_these_as_rows(dataset: Experiment) -> None:
    """Not tokens that are probable in other prompts."""
    result = dataset.patch("L0.H1")
    ax = pw.plot.logits(result)
    assert ax.get_title(loc="left") == "L0.H1, denoise, mean of 6 pairs, lines: 95 % interval"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["answer", "foil"]
    pairs = dataset.pairs
    answers = [result.logits[i, pair.first_tokens[0]].item() for i, pair in enumerate(pairs)]
    foils = [dataset.clean.logits[i, (pair.foils or ())[0]].item() for i, pair in enumerate(pairs)]
    widths = [bar.get_width() for bar in ax.patches]
    assert (widths[1], widths[3]) == pytest.approx((np.mean(answers), np.mean(foils)))
    (segment,) = ax.collections[1].get_segments()  # type: ignore[attr-defined]
    assert segment[:, 0] == pytest.approx(mean_interval(np.array(answers)))
    probs = pw.plot.logits(result, scale="prob").patches[0].get_width()
    each = [
        dataset.clean.logits[i].softmax(-1)[pair.first_tokens[0]] for i, pair in enumerate(pairs)
    ]
    assert probs == pytest.approx(np.mean(each))


def test_pairs_with_the_same_answer_and_foil_have_tokens_as_rows(experiment: Experiment) -> None:
    task = experiment.task
    clean, corrupted = task.clean[0], task.corrupted[0]
    twice = pw.Task([clean] * 2, [corrupted] * 2, task.answer[0], task.foil[0])
    same = pw.Experiment(experiment.model, twice)
    ax = pw.plot.logits(same.patch("L0.H1"), k=3)
    one = pw.plot.logits(experiment.patch("L0.H1"), k=3)
    names = [[label.get_text() for label in each.get_yticklabels()] for each in (ax, one)]
    assert names[0] == names[1]
    assert ax.get_title(loc="left") == "L0.H1, denoise, mean of 2 pairs"


def test_logits_of_a_path_and_misuse(experiment: Experiment) -> None:
    ax = pw.plot.logits(experiment.path("L0.H1", "L1.H1.v"), k=1)
    assert ax.get_title(loc="left") == "L0.H1->L1.H1.v, denoise"
    result = experiment.patch("L0.H1")
    with pytest.raises(PatchError, match="no scale 'log'; there are 'logit' and 'prob'"):
        pw.plot.logits(result, scale="log")  # type: ignore[arg-type]
    with pytest.raises(PatchError, match="number of tokens, at least 1; got 0"):
        pw.plot.logits(result, k=0)
    with pytest.raises(TaskError, match="There is no pair 1"):
        pw.plot.logits(result, pair=1)


def test_maps_are_the_patterns_of_the_three_runs(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1")
    ax = plt.subplots(figsize=(8, 3))[1]
    assert pw.plot.pattern(result, "L1.H1", difference=True, ax=ax) is ax
    maps = [part for part in ax.child_axes if part.images]
    array = result.pattern("L1.H1")
    for part, run in zip(maps, ("clean", "patched", "corrupted", "difference"), strict=True):
        drawn = part.images[0].get_array()
        lower = np.tril_indices(array.sizes["query"])
        assert np.asarray(drawn)[lower] == pytest.approx(array.sel(run=run).values[lower])
        assert np.ma.getmaskarray(drawn)[np.triu_indices(array.sizes["query"], 1)].all()
    assert [part.get_title(loc="left") for part in maps] == [
        "clean", "patched", "corrupted", "patched − corrupted",
    ]  # fmt: skip
    limits = [part.images[0].get_clim() for part in maps]
    assert limits[:3] == [(0, 1)] * 3
    assert limits[3][0] == -limits[3][1]
    bold = [
        {label.get_text() for label in part.get_xticklabels() if label.get_fontweight() == "bold"}
        for part in maps
    ]
    pair = experiment.pairs[0]
    (at,) = pair.differing("clean")
    tokens = [array["key_token"].sel(run=run).values[at] for run in ("clean", "corrupted")]
    assert bold[0] == {tokens[0].replace(" ", "␣")}
    assert bold[1] == bold[2] == {tokens[1].replace(" ", "␣")}
    # The maps share the names of their rows.
    queries = [label.get_text() for label in maps[0].get_yticklabels()]
    assert "→".join(token.replace(" ", "␣") for token in tokens) in queries
    assert sum("→" in each for each in queries) == 1


def test_no_change_is_no_glare_on_a_dark_page(experiment: Experiment) -> None:
    with plt.style.context("dark_background"):
        ax = pw.plot.pattern(experiment.patch("L0.H1"), "L1.H1", difference=True)
    (drawn,) = [
        part
        for part in ax.child_axes
        if part.get_title(loc="left").startswith(("patched −", "diff"))
    ]
    image = drawn.images[0]
    assert image.cmap(image.norm(0.0))[:3] == pytest.approx(to_rgb(DARK.diverging[2]), abs=0.01)


def test_patterns_of_an_experiment_and_of_several_pairs(dataset: Experiment) -> None:
    ax = pw.plot.pattern(dataset, "L1.H1", limit=0.5)
    maps = [part for part in ax.child_axes if part.images]
    assert [part.get_title(loc="left") for part in maps] == ["clean", "corrupted"]
    assert ax.get_title(loc="left") == "L1.H1, mean of 6 pairs"
    mean = dataset.patch().pattern("L1.H1").sel(run="clean").mean("pair").values
    drawn = maps[0].images[0].get_array()
    assert np.asarray(drawn)[-1] == pytest.approx(mean[-1])
    assert maps[0].images[0].get_clim() == (0, 0.5)
    assert maps[0].get_xticklabels()[0].get_text() == "0"


def test_patterns_that_are_none_are_refused(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1")
    with pytest.raises(PatchError, match=r"Expected one head, as in 'L9.H6'; L1.pattern are all"):
        pw.plot.pattern(result, "L1.pattern")
    with pytest.raises(SiteError, match="has no attention pattern"):
        pw.plot.pattern(result, "L1.mlp_out")
    with pytest.raises(PatchError, match="or an experiment; got int"):
        pw.plot.pattern(3, "L1.H1")  # type: ignore[arg-type]
    with pytest.raises(PatchError, match="a positive number; got 0"):
        pw.plot.pattern(result, "L1.H1", limit=0)


def test_names_along_an_axis_keep_apart() -> None:
    assert spaced(10, [4], 3.0) == [0, 4, 9]
    assert spaced(5, [], 1.0) == [0, 1, 2, 3, 4]
    assert spaced(5, [1, 2], 2.0) == [1, 4]


@pytest.mark.parametrize(
    ("style", "width"),
    [
        ("paper", "column"),
        ("paper", "text"),
        ("paper", "page"),
        ("notebook", None),
        ("slide", None),
    ],
)
@pytest.mark.parametrize("which", ["experiment", "dataset", "longer", "chinese"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_nothing_overlaps(
    request: pytest.FixtureRequest, which: str, style: str, width: str | None
) -> None:
    result = request.getfixturevalue(which).patch("L0.H1", "L1.H2@1")
    draw: list[Callable[[], Axes]] = [
        lambda: pw.plot.logits(result),
        lambda: pw.plot.logits(result, scale="prob", k=8),
        lambda: pw.plot.pattern(result, "L1.H1", difference=which == "experiment"),
    ]
    for each in draw:
        with pw.plot.style(style, width):  # type: ignore[arg-type]
            assert_nothing_overlaps(each().figure)  # type: ignore[arg-type]


def test_their_words_can_be_searched_in_a_pdf(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1")
    with pw.plot.style("paper", "column"):
        assert_printable(pw.plot.logits(result).figure, "L0.H1, denoise", "patched")  # type: ignore[arg-type]
        assert_printable(pw.plot.pattern(result, "L1.H1").figure, "attention", "query")  # type: ignore[arg-type]
