"""Maps and depth plots of sweeps: the colours are the shares, and what a colour cannot say is marked."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import patchwidgets as pw
from patchwidgets.errors import SiteError
from patchwidgets.facade import Experiment
from patchwidgets.plot.axes import name_points
from patchwidgets.plot.maps import _draw_marks, colour_range
from tests.support.sweeps import one_pair
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return one_pair(make_model("llama"))


def test_colours_are_shares_and_certain_zeros_are_dots(experiment: Experiment) -> None:
    s = experiment.sweep("mlp_out", ("layer", "pos"), progress=False)
    ax = pw.plot.heatmap(s)
    image = ax.images[0].get_array()
    assert image is not None
    zero = s.to_xarray()["zero"].values
    assert (np.ma.getmaskarray(image) == zero).all()
    assert image[1, 5] == pytest.approx(float(s.share.sel(layer=1, pos=5)))
    dots = next(line for line in ax.lines if line.get_marker() == ".")
    assert len(dots.get_xdata()) == 10
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[2] == "␣w15→␣w42 2"
    assert [label.get_fontweight() == "bold" for label in ax.get_xticklabels()] == [
        pos in (2, 5) for pos in range(7)
    ]


def test_blue_is_towards_clean_in_both_directions(experiment: Experiment) -> None:
    s = experiment.flip().sweep("z", progress=False)
    image = pw.plot.heatmap(s).images[0].get_array()
    assert image is not None
    assert image[1, 2] == pytest.approx(-float(s.share.sel(layer=1, head=2)))


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_numbers_of_the_colour_bar_are_shares(experiment: Experiment, direction: Any) -> None:
    s = experiment.turned(direction).sweep("z", progress=False)
    ax = pw.plot.heatmap(s, ax=Figure().subplots())
    share, colour = float(s.share.sel(layer=1, head=2)), ax.images[0].get_array()
    assert colour is not None
    (bar,) = [each for each in ax.figure.axes if each is not ax]
    assert float(bar.yaxis.get_major_formatter()(colour[1, 2], None)) == pytest.approx(
        share, rel=1e-3
    )


@pytest.mark.parametrize(("share", "marked"), [(1 + 3e-7, 0), (1.0009, 1)])
def test_a_share_of_1_but_for_rounding_is_not_out_of_range(share: float, marked: int) -> None:
    ax = Figure().subplots()
    none = np.zeros((1, 1), dtype=bool)
    _draw_marks(ax, np.array([[share]]), none, none, 1.0)
    (triangles,) = [line for line in ax.lines if line.get_marker() == "^"]
    assert len(triangles.get_xdata()) == marked


def test_titles_say_what_the_numbers_are(experiment: Experiment) -> None:
    zeros = experiment.sweep(
        "z", make=lambda site: pw.Patch(site, pw.sources.zero()), progress=False
    )
    titles = {
        "direct effects": experiment.direct_effects("z", progress=False),
        "direct effects, norm frozen": experiment.direct_effects(
            "z", norm="frozen", progress=False
        ),
        "zero()": zeros,
    }
    for words, result in titles.items():
        for draw, first in (
            (pw.plot.heatmap, "z: share of logit_diff, denoise"),
            (pw.plot.layers, "z, denoise"),
        ):
            title = draw(result, ax=Figure().subplots()).get_title(loc="left").replace("\n", " ")
            assert title.startswith(f"{first}, {words}")
            if draw is pw.plot.layers:
                assert title == f"{first}, {words}"


@pytest.mark.parametrize(
    ("largest", "limit"),
    [(3.0, 1.0), (0.6, 1.0), (0.5, 0.5), (0.3, 0.5), (0.04, 0.05), (0.0, 0.05)],
)
def test_the_range_snaps(largest: float, limit: float) -> None:
    assert colour_range(np.array([0.0, -largest, np.nan])) == limit


@pytest.mark.parametrize(("n", "n_intervals"), [(4, 0), (5, 1)])
def test_depth_with_its_spread(n: int, n_intervals: int) -> None:
    """Four pairs are too few for an interval."""
    s = pw.Experiment(pw.load(), pw.tasks.ioi(n)).sweep("mlp_out", progress=False)
    ax = pw.plot.layers(s)
    assert list(ax.lines[-1].get_ydata()) == pytest.approx(list(s.recovery.values))
    assert len(ax.collections) == n_intervals


def test_the_largest_are_named(experiment: Experiment) -> None:
    s = experiment.sweep("z", progress=False)
    ax = pw.plot.layers(s, label=2)
    assert [text.get_text() for text in ax.texts] == s.top_sites(2)


def test_names_do_not_overlap() -> None:
    """Of ten points at one place and ten in a row."""
    ax = Figure(figsize=(4, 3)).subplots()
    points = np.array([[0.5, 0.5]] * 10 + [[0.5 + i / 100, 0.2] for i in range(10)])
    ax.plot(*points.T, "o")
    name_points(ax, [f"L{i}.H{i}" for i in range(20)], points)
    ax.figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in ax.texts]
    assert not [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]


def test_other_shapes_are_refused(experiment: Experiment) -> None:
    with pytest.raises(SiteError, match=r"runs over layer, head, pos\..*s\.sel\(pos="):
        pw.plot.heatmap(experiment.sweep("z", ("layer", "head", "pos"), progress=False))
    with pytest.raises(SiteError, match=r"runs over layer\. Use pw\.plot\.layers\(result\)"):
        pw.plot.heatmap(experiment.sweep("mlp_out", progress=False))
    with pytest.raises(SiteError, match=r"runs over pos, layer\. Sweep it over=\('layer', 'pos'\)"):
        pw.plot.heatmap(experiment.sweep("mlp_out", ("pos", "layer"), progress=False))
    with pytest.raises(SiteError, match=r"runs over site\. Sweep a component over layers"):
        pw.plot.heatmap(experiment.sweep(sites=["L1.H2"], progress=False))
    with pytest.raises(SiteError, match="layers are needed"):
        pw.plot.layers(experiment.sweep(sites=["L1.H2"], progress=False))
