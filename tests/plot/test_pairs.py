"""One dot per pair, and the number over pairs with its interval."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import patchwidgets as pw
from patchwidgets.errors import MetricError, PatchError
from patchwidgets.facade import Experiment
from patchwidgets.plot.pairs import MOST_ROWS


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6), metric=["logit_diff", "kl"])


def line(ax: Axes, gid: str) -> Line2D:
    (found,) = [each for each in ax.lines if each.get_gid() == gid]
    return found


def intervals(ax: Axes) -> list[tuple[float, float]]:
    ends = [bar.get_segments()[0][:, 0] for bar in ax.collections]  # type: ignore[attr-defined]
    return [(low, high) for low, high in ends]


@pytest.mark.parametrize("quantity", ["effect", "share", "recovery", "value"])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_dots_are_pairs_and_diamonds_what_the_result_says(
    experiment: Experiment, direction: Any, quantity: Any
) -> None:
    results = [experiment.turned(direction).patch(site) for site in ("L0.H1", "L1.mlp_out")]
    ax = pw.plot.pairs(*results, quantity=quantity, ax=Figure().subplots())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["L0.H1", "L1.mlp_out"]
    for result in results:
        dots = line(ax, f"pairs of {result.sites[0]}")
        assert list(dots.get_xdata()) == list(getattr(result.per_pair, quantity))
    over = line(ax, "over pairs")
    assert list(over.get_xdata()) == [getattr(result, quantity) for result in results]
    bars = intervals(ax)
    assert len(bars) == (0 if quantity == "value" else len(results))
    assert all(low < x < high for (low, high), x in zip(bars, over.get_xdata(), strict=False))


def test_rows_of_two_directions_name_theirs(experiment: Experiment) -> None:
    results = [experiment.patch("L0.H1"), experiment.flip().patch("L0.H1")]
    ax = pw.plot.pairs(*results, ax=Figure().subplots())
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["denoise: L0.H1", "noise: L0.H1"]
    assert ax.get_title(loc="left") == "denoise and noise, 6 pairs"


def test_a_saved_history_is_drawn_as_its_patches(experiment: Experiment, tmp_path: Path) -> None:
    result = experiment.patch("L0.H1")
    explorer = experiment.explore("L0.H1")
    explorer.history.save(tmp_path / "history.json")
    explorer.close()
    saved = pw.open(tmp_path / "history.json")
    live, read = (pw.plot.pairs(*each, ax=Figure().subplots()) for each in ([result], saved))
    for gid in ("pairs of L0.H1", "over pairs"):
        np.testing.assert_array_equal(line(live, gid).get_xdata(), line(read, gid).get_xdata())


@pytest.mark.parametrize("quantity", ["effect", "share"])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_a_sweep_and_its_patches_give_the_same_picture(
    experiment: Experiment, direction: Any, quantity: Any
) -> None:
    exp = experiment.turned(direction)
    sweep = exp.sweep("z", progress=False)
    top = sweep.top_sites(3)
    of_sweep = pw.plot.pairs(sweep, k=3, quantity=quantity, ax=Figure().subplots())
    of_patches = pw.plot.pairs(
        *(exp.patch(site) for site in top), quantity=quantity, ax=Figure().subplots()
    )
    for ax in (of_sweep, of_patches):
        assert [label.get_text() for label in ax.get_yticklabels()] == top
    for gid in ["over pairs", *(f"pairs of {site}" for site in top)]:
        assert list(line(of_sweep, gid).get_xdata()) == pytest.approx(
            list(line(of_patches, gid).get_xdata()), abs=2e-5
        )
    assert np.allclose(intervals(of_sweep), intervals(of_patches), atol=1e-4)


@pytest.mark.parametrize(
    ("quantity", "over"),
    [("effect", "all 6 pairs, 95 % interval"), ("value", "all 6 pairs")],
)
def test_dots_diamonds_and_bars_are_explained(
    experiment: Experiment, quantity: Any, over: str
) -> None:
    ax = pw.plot.pairs(experiment.patch("L0.H1"), quantity=quantity, ax=Figure().subplots())
    single, all_of_them = ax.get_legend().get_lines()
    words = [text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts()]
    assert words == ["one pair", over]
    assert (single.get_marker(), single.get_color()) == (
        "o",
        line(ax, "pairs of L0.H1").get_color(),
    )
    assert all_of_them.get_marker() == line(ax, "over pairs").get_marker() == "D"
    assert (all_of_them.get_linewidth() > 0) == bool(intervals(ax))


def test_a_single_pair_has_no_legend() -> None:
    one = pw.Experiment(pw.load(), pw.tasks.ioi(1))
    assert pw.plot.pairs(one.patch("L0.H1"), ax=Figure().subplots()).get_legend() is None


def test_pairs_without_a_share_are_counted(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1")
    reading = result["logit_diff"]
    same = np.where(np.arange(6) == 2, reading.clean, reading.corrupted)
    changed = result.without_logits()
    changed.readings = {"logit_diff": replace(reading, corrupted=same)}
    ax = pw.plot.pairs(changed, quantity="share", ax=Figure().subplots())
    assert [text.get_text() for text in ax.texts] == ["1 undefined"]


def test_other_metrics_and_misuse(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1")
    ax = pw.plot.pairs(result, metric="kl", ax=Figure().subplots())
    assert ax.get_xlabel() == "effect on kl"
    assert list(line(ax, "over pairs").get_xdata()) == [result["kl"].effect]
    with pytest.raises(MetricError, match="does not measure 'size'"):
        pw.plot.pairs(result, metric="size")
    with pytest.raises(PatchError, match="or one sweep; got nothing"):
        pw.plot.pairs()
    with pytest.raises(PatchError, match="or one sweep; got PatchResult, float"):
        pw.plot.pairs(result, 1.0)  # type: ignore[arg-type]
    with pytest.raises(PatchError, match=f"at most {MOST_ROWS} rows of pairs; got 41"):
        pw.plot.pairs(*[result] * 41)
    with pytest.raises(PatchError, match="no quantity 'size'"):
        pw.plot.pairs(result, quantity="size")  # type: ignore[arg-type]
