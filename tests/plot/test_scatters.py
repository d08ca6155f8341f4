"""Two sweeps of the same sites: total against direct, enough against needed, on equal axes with a diagonal."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.plot.point_names import name_points


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6), ["logit_diff", "kl"])


@pytest.fixture(scope="module")
def total(experiment: Experiment) -> pw.SweepResult:
    return experiment.sweep("z", progress=False)


@pytest.fixture(scope="module")
def direct(experiment: Experiment) -> pw.SweepResult:
    return experiment.direct_effects("z", progress=False)


def axes() -> Axes:
    return Figure(figsize=(5, 5)).subplots()


def points(ax: Axes) -> np.ndarray:
    (line,) = [each for each in ax.lines if each.get_marker() == "o"]
    return np.asarray(line.get_xydata())


def test_total_and_direct_effects(total: pw.SweepResult, direct: pw.SweepResult) -> None:
    ax = pw.plot.total_direct(total, direct, label=3, ax=axes())
    expected = np.stack([total.effect.values.ravel(), direct.effect.values.ravel()], 1)
    np.testing.assert_allclose(points(ax), expected)
    furthest = np.argsort(-np.hypot(*expected.T))[:3]
    assert [text.get_text() for text in ax.texts] == [total.site_names()[i] for i in furthest]
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_aspect() == 1
    assert list(ax.get_xticks()) == list(ax.get_yticks())
    assert ax.get_ylabel() == "direct effect on logit_diff"
    assert ax.get_title(loc="left") == "z, denoise, 6 pairs"


def test_no_interval_is_cut(experiment: Experiment) -> None:
    """Of the point that is furthest up, the interval reaches beyond it, and others below 0."""
    sums = pw.Experiment(pw.load(), pw.tasks.addition(20, varies="both"), "answer_prob")
    enough, needed = (each.sweep("z", progress=False) for each in (sums, sums.flip()))
    ax = pw.plot.enough_needed(enough, needed, ax=axes())
    shares = [1 - needed.over_pairs()[f"recovery_{end}"].values for end in ("low", "high")]
    assert np.nanmax(shares) > needed.share.values.max()
    low, high = ax.get_ylim()
    ends = [segment for lines in ax.collections for segment in lines.get_segments()]  # type: ignore[attr-defined]
    assert low < np.min(ends)
    assert np.max(ends) < high
    assert np.max(ends) == pytest.approx(np.nanmax(shares))
    assert ax.get_xlim() == ax.get_ylim()


def test_names_stand_beside_intervals() -> None:
    """Those of the two heads that are furthest up, whose intervals lead to the right."""
    sums = pw.Experiment(pw.load(), pw.tasks.addition(20, varies="both"), "answer_prob")
    enough, needed = (each.sweep("z", progress=False) for each in (sums, sums.flip()))
    figure = Figure(figsize=(5, 5), layout="constrained")
    ax = pw.plot.enough_needed(enough, needed, label=2, ax=figure.subplots())
    figure.draw_without_rendering()
    (intervals,) = ax.collections
    lines = [
        ax.transData.transform(each)
        for each in intervals.get_segments()  # type: ignore[attr-defined]
    ]
    assert max(right - left for (left, _), (right, _) in lines) > 20
    for text in ax.texts:
        box = Text.get_window_extent(text).padded(-1.5)  # the layout moved the axes by some pixels
        dots = np.concatenate([np.linspace(*line, 1000) for line in lines])
        assert not [x for x, y in dots if box.contains(x, y)], text.get_text()


def test_names_cover_no_dots_on_axes_of_any_size() -> None:
    """Beside the first point at the right is the second one; the third has dots at both sides."""
    dots = np.array([[0.5, 0.5], [0.53, 0.5], [0.2, 0.8], [0.17, 0.8], [0.23, 0.8], [0.98, 0.2]])
    for size in (3, 6):
        figure = Figure(figsize=(size, size), layout="constrained")
        ax = figure.subplots()
        ax.plot(*dots.T, "o", markersize=4)
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        named = dots[[0, 2, 5]]
        name_points(ax, ["L0.H1", "L1.H2", "L2.H3"], named, dots=dots)
        figure.draw_without_rendering()
        boxes = [Text.get_window_extent(text) for text in ax.texts]
        centres = ax.transData.transform(dots)
        assert not [box for box in boxes for x, y in centres if box.contains(x, y)]
        right = [
            box.x0 > x for box, (x, _) in zip(boxes, ax.transData.transform(named), strict=True)
        ]
        assert right == [False, True, False]
        lines = [text.arrow_patch is not None for text in ax.texts]  # type: ignore[attr-defined]
        assert lines == [False, True, False]


def test_intervals_on_both_axes(total: pw.SweepResult, direct: pw.SweepResult) -> None:
    ax = pw.plot.total_direct(total, direct, ax=axes())
    (intervals,) = ax.collections
    across, upwards = np.split(np.array(intervals.get_segments()), 2)  # type: ignore[attr-defined]
    over = {"x": total.over_pairs(), "y": direct.over_pairs()}
    x, y = (over[axis]["effect_high"].values.ravel() for axis in "xy")
    np.testing.assert_allclose([segment[1, 0] for segment in across], x)
    np.testing.assert_allclose([segment[1, 1] for segment in upwards], y)
    few = [each.sel(pair=[0, 1]) for each in (total, direct)]
    assert not pw.plot.total_direct(*few, quantity="share", ax=axes()).collections


def test_a_frozen_norm_is_named(experiment: Experiment, total: pw.SweepResult) -> None:
    frozen = experiment.direct_effects("z", norm="frozen", progress=False)
    ax = pw.plot.total_direct(total, frozen, ax=axes())
    assert ax.get_title(loc="left") == "z, denoise, 6 pairs, norm frozen"


def test_enough_and_needed(experiment: Experiment, total: pw.SweepResult) -> None:
    noise = experiment.flip().sweep("z", progress=False)
    ax = pw.plot.enough_needed(total, noise, "kl", label=1, title="mine", ax=axes())
    shares = [each.over_pairs("kl")["share"].values.ravel() for each in (total, noise)]
    np.testing.assert_allclose(points(ax), np.stack(shares, 1))
    assert ax.get_xlabel() == "enough: share of kl, denoise"
    assert ax.get_ylabel() == "needed: share of kl, noise"
    assert ax.get_title(loc="left") == "mine"


def test_misuse_is_refused(
    experiment: Experiment, total: pw.SweepResult, direct: pw.SweepResult
) -> None:
    noise = experiment.flip().sweep("z", progress=False)
    mlps = experiment.direct_effects("mlp_out", progress=False)
    with pytest.raises(
        PatchError, match=r"^Expected what exp\.sweep\(\.\.\.\) returns; got str\.$"
    ):
        pw.plot.total_direct(total, "direct")  # type: ignore[arg-type]
    with pytest.raises(
        PatchError,
        match=r"^Expected total and then direct effects.*got direct and then total ones\.$",
    ):
        pw.plot.total_direct(direct, total)
    with pytest.raises(
        PatchError, match=r"^Expected both sweeps in one direction; got denoise and noise\.$"
    ):
        pw.plot.total_direct(noise, direct)
    with pytest.raises(
        PatchError, match=r"^These sweeps are not of the same experiment: they differ in component"
    ):
        pw.plot.total_direct(total, mlps)
    with pytest.raises(PatchError, match=r"^quantity is 'value'; expected 'effect' or 'share'\.$"):
        pw.plot.total_direct(total, direct, quantity="value")
    with pytest.raises(
        SiteError,
        match=r"^These sweeps have 16 and 4 sites, not the same ones: only one of them has",
    ):
        pw.plot.total_direct(total, direct.sel(layer=[1]))
    with pytest.raises(
        PatchError, match=r"^Expected a sweep that denoises.*got noise and then denoise\.$"
    ):
        pw.plot.enough_needed(noise, total)
    with pytest.raises(PatchError, match=r"^Expected total effects twice"):
        pw.plot.enough_needed(direct, noise)
    other = pw.Experiment(pw.load(), pw.tasks.ioi(2)).flip().sweep("z", progress=False)
    with pytest.raises(
        PatchError, match=r"^These sweeps are not of the same experiment: they differ in task\.$"
    ):
        pw.plot.enough_needed(total, other)
