"""Maps and depth plots of sweeps: the colours are the shares, and what a colour cannot say is marked."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.plot.map_cells import draw_marks
from patchwidgets.plot.point_names import name_points
from patchwidgets.plot.quantity import range_of_shares, read, round_up
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
    assert labels[2] == "@first ␣w15→␣w42 2"
    assert [label.get_fontweight() == "bold" for label in ax.get_xticklabels()] == [
        pos in (2, 5) for pos in range(7)
    ]


def test_positions_of_many_pairs_have_their_names_and_shared_tokens() -> None:
    exp = pw.Experiment(pw.load(), pw.tasks.addition(3), "answer_logit")
    ax = pw.plot.heatmap(exp.sweep("resid_pre", ("layer", "pos"), progress=False))
    labels = ax.get_xticklabels()
    assert [label.get_text() for label in labels] == [
        "<bos> 0", "@a 1", "@operator ␣+ 2", "@b 3", "@end ␣= 4",
    ]  # fmt: skip
    assert [label.get_fontweight() for label in labels].count("bold") == 1
    assert labels[1].get_fontweight() == "bold"
    # Texts are at a place of their own in each pair, and most tokens too.
    names = pw.Experiment(pw.load(), pw.tasks.ioi(3))
    ax = pw.plot.heatmap(names.sweep("resid_pre", ("layer", "pos"), progress=False))
    said = [label.get_text() for label in ax.get_xticklabels()]
    assert (said[0], said[1], said[-1]) == ("<bos> 0", "1", "@end ␣to 14")


def test_marks_of_what_a_colour_cannot_show_are_explained() -> None:
    heads = pw.Experiment(pw.load(), pw.tasks.ioi(7)).sweep("z", progress=False)
    for limit, label in ((0.5, "head (▲ off the scale)"), (2, "head")):
        ax = pw.plot.heatmap(heads, limit=limit, ax=Figure().subplots())
        assert ax.get_xlabel() == label
        assert any(line.get_marker() == "^" for line in ax.lines) == (limit == 0.5)


@pytest.mark.parametrize("quantity", ["share", "recovery", "effect", "value"])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_a_map_shows_the_quantity_with_its_sign_and_blue_is_towards_clean(
    experiment: Experiment, direction: Any, quantity: Any
) -> None:
    s = experiment.turned(direction).sweep("z", progress=False)
    ax = pw.plot.heatmap(s, quantity=quantity, ax=Figure().subplots())
    (image,) = ax.images
    shown = s.over_pairs()[quantity]
    assert image.get_array()[1, 2] == float(shown.sel(layer=1, head=2))  # type: ignore[index]
    names = {"share": "share of logit_diff", "recovery": "recovery (logit_diff)"}
    label = names.get(quantity, "effect on logit_diff" if quantity == "effect" else "logit_diff")
    assert ax.get_title(loc="left").replace("\n", " ").startswith(f"z: {label}, {direction}")
    (bar,) = [each for each in ax.figure.axes if each is not ax]
    assert bar.get_ylabel() == label
    low, high = image.get_clim()
    host = {"share": 0, "effect": 0, "recovery": float(direction == "noise")}.get(
        quantity, getattr(experiment, "clean" if direction == "noise" else "corrupted").value
    )
    assert (low + high) / 2 == pytest.approx(host)
    # The end towards the clean run is blue, whichever sign it has.
    rises_to_clean = {"share": direction == "denoise", "recovery": True}.get(
        quantity, experiment.clean.value > experiment.corrupted.value
    )
    red, _, blue, _ = image.cmap(image.norm(high))
    assert (blue > red) == rises_to_clean
    assert [text.get_text() for text in bar.texts] == (
        ["corrupted", "clean"] if rises_to_clean else ["clean", "corrupted"]
    )


def test_a_dash_is_a_negative_number_also_in_noise(experiment: Experiment) -> None:
    s = experiment.flip().sweep("z", progress=False)
    ax = pw.plot.heatmap(s, limit=0.1, ax=Figure().subplots())
    (dashes,) = [line for line in ax.lines if line.get_marker() == "_"]
    marked = set(zip(dashes.get_ydata(), dashes.get_xdata(), strict=True))  # type: ignore[arg-type]
    assert marked == set(zip(*np.nonzero(s.share.values < -0.01), strict=True))
    assert marked


@pytest.mark.parametrize(
    ("share", "limit", "marked"),
    [(1 + 3e-7, 1, 0), (1.0049, 1, 0), (1.006, 1, 1), (10.01, 10, 1), (0.0101, 0.01, 1)],
)
def test_what_is_printed_as_the_end_of_the_range_is_in_it(
    experiment: Experiment, share: float, limit: float, marked: int
) -> None:
    ax = Figure().subplots()
    drawn = replace(
        read(experiment.sweep("z", progress=False), None, "share"),
        values=np.array([[share]]),
        zero=np.zeros((1, 1), dtype=bool),
        unpatchable=np.zeros((1, 1), dtype=bool),
    )
    draw_marks(ax, drawn, limit)
    triangles = [line for line in ax.lines if line.get_marker() == "^"]
    assert sum(len(line.get_xdata()) for line in triangles) == marked  # type: ignore[arg-type]


def test_limit_colours_title_bar_and_numbers_can_be_chosen(experiment: Experiment) -> None:
    s = experiment.sweep("z", progress=False)
    ax = pw.plot.heatmap(
        s,
        limit=2,
        cmap="PuOr",
        title="All heads",
        cbar=False,
        annotate=True,
        ax=Figure().subplots(),
    )
    (image,) = ax.images
    assert (image.get_clim(), image.cmap.name) == ((-2, 2), "PuOr")
    assert (ax.get_title(loc="left"), ax.figure.axes) == ("All heads", [ax])
    numbers = {text.get_position(): text.get_text() for text in ax.texts}
    share = float(s.share.sel(layer=1, head=2))
    assert numbers[2, 1] == f"{share:.2f}".replace("-", "−").replace("0.", ".")
    assert pw.plot.heatmap(s, title="", ax=Figure().subplots()).get_title(loc="left") == ""
    with pytest.raises(PatchError, match=r"one positive number, .* got -1"):
        pw.plot.heatmap(s, limit=-1)
    with pytest.raises(PatchError, match="no quantity 'size'; there are share, recovery, effect"):
        pw.plot.heatmap(s, quantity="size")  # type: ignore[arg-type]


def test_maps_side_by_side_have_one_range_and_one_bar(experiment: Experiment) -> None:
    total, direct = (
        experiment.sweep("z", progress=False),
        experiment.direct_effects("z", progress=False),
    )
    figure = pw.plot.heatmaps([total, direct], quantity="effect", titles=["total", "direct"])
    first, second, bar = figure.axes
    assert first.images[0].get_clim() == second.images[0].get_clim()
    limit = first.images[0].get_clim()[1]
    largest = max(float(np.abs(s.effect).max()) for s in (total, direct))
    assert largest <= limit == round_up(largest)
    assert bar.get_ylabel() == "effect on logit_diff"
    named = pw.plot.heatmaps({"total": total, "direct": direct}, quantity="effect")
    assert [ax.get_title(loc="left") for ax in named.axes[:2]] == ["total", "direct"]
    with pytest.raises(
        PatchError, match=r"list of sweeps; for one sweep there is pw\.plot\.heatmap"
    ):
        pw.plot.heatmaps(total)  # type: ignore[arg-type]
    with pytest.raises(PatchError, match="of one direction"):
        pw.plot.heatmaps([total, experiment.flip().sweep("z", progress=False)])
    with pytest.raises(PatchError, match="one title for each of 1 maps; got 2"):
        pw.plot.heatmaps([total], titles=["a", "b"])


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
    assert range_of_shares(largest) == limit


@pytest.mark.parametrize(("n", "n_intervals"), [(4, 0), (5, 1)])
def test_depth_with_its_spread(n: int, n_intervals: int) -> None:
    """Four pairs are too few for an interval."""
    s = pw.Experiment(pw.load(), pw.tasks.ioi(n)).sweep("mlp_out", progress=False)
    ax = pw.plot.layers(s)
    assert list(ax.lines[-1].get_ydata()) == pytest.approx(list(s.share.values))
    assert len(ax.collections) == n_intervals


def test_depth_of_two_sweeps_with_their_names(experiment: Experiment) -> None:
    total, direct = (
        experiment.sweep("mlp_out", progress=False),
        experiment.direct_effects("mlp_out", progress=False),
    )
    ax = pw.plot.layers(total, direct, quantity="effect")
    first, second = ax.lines[-2:]
    assert list(first.get_ydata()) == pytest.approx(list(total.effect.values))
    assert list(second.get_ydata()) == pytest.approx(list(direct.effect.values))
    assert first.get_marker() != second.get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "total effects",
        "direct effects",
    ]
    assert ax.get_title(loc="left") == "mlp_out, denoise"
    with pytest.raises(PatchError, match="one to 4 sweeps; got 0"):
        pw.plot.layers()


def test_depth_in_noise_shows_shares_with_their_sign(experiment: Experiment) -> None:
    s = experiment.flip().sweep("mlp_out", progress=False)
    ax = pw.plot.layers(s)
    assert list(ax.lines[-1].get_ydata()) == pytest.approx(list(s.share.values))
    assert ax.get_ylabel() == "share of logit_diff"


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
