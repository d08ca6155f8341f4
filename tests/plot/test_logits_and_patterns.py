"""Next tokens and attention of the three runs: bars, intervals and maps are the numbers; nothing overlaps."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.intervals import mean_interval
from patchwidgets.plot.colours import HATCHES, LIGHT
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
    ax = pw.plot.logits(result, k=2)
    assert ax.get_title(loc="left") == "L0.H1, denoise, mean of 6 pairs"
    first = result.top_tokens(2)[0].id
    low, high = mean_interval(result.logits[:, first].double().numpy())
    (segment,) = ax.collections[1].get_segments()  # type: ignore[attr-defined]
    assert segment[:, 0] == pytest.approx([low, high])


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
