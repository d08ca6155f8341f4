"""Paths and circuits as graphs: arrows are edges, as wide as their effect is large, in the colour of its run."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.transforms import Bbox

import patchwidgets as pw
from patchwidgets.errors import MetricError, PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.plot.colours import LIGHT
from tests.plot.large import edges_with_effects, large_edges
from tests.support.sweeps import one_pair
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(2), ["logit_diff", "kl"])


@pytest.fixture(scope="module")
def edges(experiment: Experiment) -> pw.SweepResult:
    return experiment.edges(progress=False)


def axes() -> Axes:
    return Figure(figsize=(5, 6)).subplots()


def arrows(ax: Axes) -> dict[str, FancyArrowPatch]:
    return {str(p.get_gid()): p for p in ax.patches if isinstance(p, FancyArrowPatch)}


def boxes(ax: Axes) -> dict[str, FancyBboxPatch]:
    return {str(p.get_gid()): p for p in ax.patches if isinstance(p, FancyBboxPatch)}


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def title(ax: Axes) -> str:
    return ax.get_title(loc="left").replace("\n", " ")


def legend_texts(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def colour(run: str) -> Any:
    return mpl.colors.to_rgb(LIGHT.runs[run])


def test_the_largest_edges_are_drawn(edges: pw.SweepResult) -> None:
    ax = pw.plot.paths(edges, k=12, label=3, ax=axes())
    drawn = {name.replace("mlp_out", "mlp_in") for name in arrows(ax)}
    chosen = edges.top_sites(12)
    ends = {edge.replace("mlp_out->", "mlp_in->").replace("mlp_out", "mlp_in") for edge in chosen}
    assert drawn == ends
    assert title(ax) == "effect on logit_diff, the 12 largest of 479 edges, denoise, 2 pairs"
    effects = edges.effect.sel(edge=chosen).values
    widths = sorted(arrow.get_linewidth() for arrow in arrows(ax).values())
    assert widths[-1] > widths[0]
    numbers = [text for text in texts(ax) if text[0] in "+−"]
    assert numbers == [f"{effect:+.3g}".replace("-", "−") for effect in effects[:3]]


def test_sign_is_colour_and_dashes(edges: pw.SweepResult) -> None:
    ax = pw.plot.paths(edges, k=40, ax=axes())
    effect = dict(zip(edges.site_names(), edges.effect.values, strict=True))
    shown = 0
    for name, arrow in arrows(ax).items():
        start, _, end = name.partition("->")
        value = effect[f"{start}->{end.replace('mlp_out', 'mlp_in')}"]
        run = "clean" if value > 0 else "corrupted"
        assert arrow.get_edgecolor()[:3] == colour(run)
        assert (arrow.get_linestyle() in ("-", "solid")) == (value > 0)
        shown += value < 0
    assert shown > 0
    assert legend_texts(ax) == ["towards clean (+)", "towards corrupted (−)"]


def test_a_metric_that_is_lower_for_clean(edges: pw.SweepResult) -> None:
    """Less divergence is nearer to the clean run: blue, and dashed as every negative number."""
    ax = pw.plot.paths(edges, "kl", k=1, ax=axes())
    (arrow,) = arrows(ax).values()
    assert arrow.get_edgecolor()[:3] == colour("clean")
    assert legend_texts(ax) == ["towards clean (−)"]


def test_layers_lie_above_each_other(edges: pw.SweepResult) -> None:
    ax = pw.plot.paths(edges, k=30, ax=axes())
    heights = {name: box.get_y() for name, box in boxes(ax).items()}
    assert heights["embed"] == min(heights.values())
    assert heights["logits"] == max(heights.values())
    assert heights["L0.mlp_out"] < heights["L1.H1"] < heights["L2.mlp_out"] < heights["L3.mlp_out"]
    assert {"L0.MLP", "L1.H1", "q", "v"} <= set(texts(ax))
    assert heights["L0.H1.v"] < heights["L0.H1"]


@pytest.mark.parametrize("width", [3.25, 6.75])
def test_arrows_lead_through_no_box(width: float) -> None:
    """Nor does a box lie on another one, with 30 edges of 30 layers."""
    with pw.plot.style("paper", width):
        ax = pw.plot.paths(large_edges(30, 9))
    rectangles = {
        name: (box.get_x(), box.get_y(), box.get_x() + box.get_width(), box.get_y() + box.get_height())
        for name, box in boxes(ax).items()
    }  # fmt: skip
    components = {name: r for name, r in rectangles.items() if name[-2:] not in (".q", ".k", ".v")}
    for name, (left, low, right, high) in components.items():
        others = [other for key, other in components.items() if key != name]
        assert not [
            o for o in others if left < o[2] and o[0] < right and low < o[3] and o[1] < high
        ]
        for gid, arrow in arrows(ax).items():
            curve = arrow._path_original.interpolated(1).to_polygons(closed_only=False)[0]  # type: ignore[attr-defined]
            inside = [
                (x, y)
                for x, y in curve
                if left + 0.1 < x < right - 0.1 and low + 0.1 < y < high - 0.1
            ]
            assert not inside, f"{gid} leads through {name}"


def test_numbers_leave_the_heads_of_arrows_free() -> None:
    """One head and its ten largest edges."""
    readers = {
        "L23.H0.q": 1.34, "L23.H5.q": 0.551, "L21.H5.q": -0.515, "L23.H1.q": 0.486, "logits": -0.476,
        "L23.H3.q": -0.386, "L23.H7.q": 0.37, "L21.mlp_in": -0.36, "L21.H8.q": 0.35, "L20.mlp_in": -0.34,
    }  # fmt: skip
    swept = edges_with_effects({f"L20.H0->{to}": effect for to, effect in readers.items()})
    ax = pw.plot.paths(swept, label=6)
    ax.figure.canvas.draw()
    size = ax.texts[0].get_fontsize()
    numbers = [text for text in ax.texts if text.get_text()[0] in "+−"]
    assert len(numbers) == 6
    for text in numbers:
        patch = text.get_bbox_patch()
        assert patch is not None
        ground = patch.get_window_extent().transformed(ax.transData.inverted())
        for arrow in arrows(ax).values():
            x, y = arrow._path_original.vertices[-1]  # type: ignore[attr-defined]
            head = Bbox.from_extents(x - 0.2 * size, y - 0.6 * size, x + 0.2 * size, y)
            assert not ground.overlaps(head), text.get_text()


def test_a_path_of_several_steps(experiment: Experiment) -> None:
    path = experiment.path("L0.H1", "L1.mlp_in", "logits")
    ax = pw.plot.paths(path, quantity="share", ax=axes())
    assert set(arrows(ax)) == {"L0.H1->L1.mlp_out", "L1.mlp_out->logits"}
    assert f"{path.share:+.3g}" in texts(ax)
    assert title(ax) == f"share of logit_diff {path.share:+.3g}, denoise, 2 pairs"
    both = pw.plot.paths([path, experiment.path("L0.H1@-1", "logits@-1")], title="", ax=axes())
    assert {"L0.H1", "L0.H1@-1"} <= set(texts(both))
    assert title(both) == ""


def test_shared_keys_and_values_are_linked_to_their_heads() -> None:
    experiment = one_pair(make_model("llama"))
    swept = experiment.sweep_paths(
        paths=["L0.H1->L1.KV1.v", "L1.H2->logits", "L1.H0->logits"], progress=False
    )
    assert set(arrows(pw.plot.paths(swept, ax=axes()))) == {
        "L0.H1->L1.KV1.v",
        "L1.H2->logits",
        "L1.H0->logits",
    }
    linked = arrows(pw.plot.paths(swept, model=experiment.model, ax=axes()))
    (link,) = set(linked) - {"L0.H1->L1.KV1.v", "L1.H2->logits", "L1.H0->logits"}
    assert link == "L1.KV1->L1.H2"
    assert linked[link].get_linestyle() in (":", "dotted")


def test_the_legend_says_what_a_dotted_line_is() -> None:
    """Not if none is drawn."""
    experiment = one_pair(make_model("llama"))
    swept = experiment.sweep_paths(paths=["L0.H1->L1.KV1.v", "L1.H2->logits"], progress=False)
    without = legend_texts(pw.plot.paths(swept, ax=axes()))
    assert all(text.startswith("towards") for text in without)
    linked = legend_texts(pw.plot.paths(swept, model=experiment.model, ax=axes()))
    assert linked == [*without, "within one component"]


def test_estimates_are_hatched(experiment: Experiment) -> None:
    ax = pw.plot.paths(experiment.estimate_edges(progress=False), k=5, ax=axes())
    assert [patch.get_gid() for patch in ax.patches if patch.get_hatch()] == ["estimate"]
    assert title(ax).endswith("denoise, estimate (EAP), 2 pairs")


def test_a_saved_sweep_is_drawn_without_its_model(edges: pw.SweepResult, tmp_path: Path) -> None:
    edges.save(tmp_path / "edges.nc")
    loaded = pw.SweepResult.load(tmp_path / "edges.nc")
    first, again = (pw.plot.paths(each, k=5, ax=axes()) for each in (edges, loaded))
    assert texts(first) == texts(again)


def test_a_circuit_of_edges(edges: pw.SweepResult) -> None:
    circuit = pw.Circuit.top(edges, 20).prune()
    ax = pw.plot.circuit(circuit, k=8, label=1, ax=axes())
    assert len(arrows(ax)) == 8
    assert title(ax) == f"a circuit of {len(circuit)} edges, the 8 largest"
    largest = max(circuit.scores.values(), key=abs)
    assert [text for text in texts(ax) if text[0] in "+−"] == [f"{largest:+.3g}"]
    assert legend_texts(ax)[0] == "positive score (+)"


def test_edges_without_scores(edges: pw.SweepResult) -> None:
    ax = pw.plot.circuit(pw.Circuit(["embed->L0.H1.v", "L0.H1->logits"]), ax=axes())
    assert set(arrows(ax)) == {"embed->L0.H1.v", "L0.H1->logits"}
    assert ax.get_legend() is None
    assert {arrow.get_linestyle() for arrow in arrows(ax).values()} <= {"-", "solid"}


def test_the_legend_says_what_a_grey_arrow_is_beside_arrows_with_scores() -> None:
    members = ["embed->L0.H1.v", "L0.H1->logits"]
    ax = pw.plot.circuit(pw.Circuit(members, {"L0.H1->logits": 2.0}), ax=axes())
    assert legend_texts(ax) == ["positive score (+)", "no score"]


def test_a_circuit_of_nodes() -> None:
    circuit = pw.Circuit(
        ["L0.H1", "L1.H2", "L1.mlp_out", "L2.H0"], {"L0.H1": 4.0, "L1.H2": -2.0, "L2.H0": 0.5}
    )
    ax = pw.plot.circuit(circuit, label=2, ax=axes())
    assert texts(ax) == ["L0.H1 +4", "L1.H2 −2", "L1.MLP", "L2.H0", "logits"]
    assert not arrows(ax)
    drawn = boxes(ax)
    assert drawn["L1.H2"].get_edgecolor()[:3] == colour("corrupted")
    assert drawn["L0.H1"].get_linewidth() > drawn["L1.H2"].get_linewidth()
    assert drawn["L1.mlp_out"].get_edgecolor()[:3] == mpl.colors.to_rgb(LIGHT.ink)
    assert drawn["L1.H2"].get_y() == drawn["L1.mlp_out"].get_y()


@pytest.mark.parametrize("width", ["column", "text"])
def test_boxes_hold_their_words(edges: pw.SweepResult, width: str) -> None:
    scores = {"L0.H1": 17.7, "L0.H2": 0.0271, "L1.H3": -0.0235, "L1.H1": -0.0218, "L1.H2": -0.0178}
    for draw in (
        lambda: pw.plot.circuit(pw.Circuit([*scores, "embed", "L1.mlp_out"], scores)),
        lambda: pw.plot.paths(edges, k=5),
    ):
        with pw.plot.style("paper", width):  # type: ignore[arg-type]
            ax = draw()
            figure = ax.get_figure()
            assert isinstance(figure, Figure)
            figure.draw_without_rendering()
        words = {text.get_position(): text.get_window_extent() for text in ax.texts}
        for name, box in boxes(ax).items():
            if name[-2:] in (".q", ".k", ".v"):
                continue
            border = box.get_linewidth() / 72 * figure.dpi
            outer = box.get_window_extent()
            middle = (outer.x0 + outer.x1) / 2
            (inner,) = [
                word for word in words.values()
                if abs((word.x0 + word.x1) / 2 - middle) < 2 and outer.y0 < (word.y0 + word.y1) / 2 < outer.y1
            ]  # fmt: skip
            assert outer.x0 + border / 2 < inner.x0, name
            assert inner.x1 < outer.x1 - border / 2, name
            assert ax.bbox.x0 - 1 < outer.x0, name
            assert outer.x1 < ax.bbox.x1 + 1, name


def test_an_arrow_is_no_wider_than_what_it_leads_into(edges: pw.SweepResult) -> None:
    ax = pw.plot.paths(edges, k=12, ax=axes())
    tabs = {name: box.get_width() for name, box in boxes(ax).items()}
    for name, arrow in arrows(ax).items():
        end = name.partition("->")[2]
        if end in tabs:
            assert arrow.get_linewidth() <= 0.36 * tabs[end], name


def test_an_evaluated_circuit_with_its_edges(experiment: Experiment, edges: pw.SweepResult) -> None:
    result = experiment.evaluate(pw.Circuit(["L0.H1", "L1.mlp_out"]))
    ax = pw.plot.circuit(result, edges=edges, k=3, ax=axes())
    assert title(ax).startswith(
        "a circuit of 2 nodes, the 3 largest of 8 edges, by effect on logit_diff, corrupted outside of it, "
        "faithfulness "
    )
    assert len(arrows(ax)) == 3
    for name in arrows(ax):
        assert set(name.split(".")[0:1]) <= {"embed->L0", "embed->L1", "embed->logits", "L0", "L1"}


def test_misuse_is_refused(experiment: Experiment, edges: pw.SweepResult) -> None:
    heads = experiment.sweep("z", progress=False)
    with pytest.raises(
        PatchError, match=r"^Expected what exp\.sweep_paths.* or a list of the last; got list\.$"
    ):
        pw.plot.paths([])
    with pytest.raises(PatchError, match=r"got PatchResult\.$"):
        pw.plot.paths(experiment.patch("L0.H1"))  # type: ignore[arg-type]
    with pytest.raises(
        SiteError, match=r"^This sweep is of z, and paths are needed: those of exp\.edges\(\)"
    ):
        pw.plot.paths(heads)
    with pytest.raises(PatchError, match=r"^quantity is 'value'; expected 'effect' or 'share'\.$"):
        pw.plot.paths(edges, quantity="value")  # type: ignore[arg-type]
    with pytest.raises(
        PatchError, match=r"^k is 0; expected how many paths to draw, at least 1\.$"
    ):
        pw.plot.paths(edges, k=0)
    with pytest.raises(MetricError, match="rank"):
        pw.plot.paths(edges, "rank")
    paths = [experiment.path("L0.H1->logits"), experiment.flip().path("L0.H1->logits")]
    with pytest.raises(
        PatchError, match=r"^These paths are of both directions; draw those of one\.$"
    ):
        pw.plot.paths(paths)
    with pytest.raises(
        PatchError, match=r"^Expected a pw\.Circuit, or what exp\.evaluate.* got SweepResult\.$"
    ):
        pw.plot.circuit(heads)  # type: ignore[arg-type]
    with pytest.raises(PatchError, match=r"^This circuit has no members"):
        pw.plot.circuit(pw.Circuit())
    with pytest.raises(PatchError, match=r"^k is 0; expected how many edges or nodes to draw"):
        pw.plot.circuit(pw.Circuit(["L0.H1"]), k=0)
    with pytest.raises(PatchError, match=r"^This circuit has edges of its own"):
        pw.plot.circuit(pw.Circuit(["L0.H1->logits"]), edges=edges)
    with pytest.raises(PatchError, match=r"^edges is a Circuit; expected what exp\.edges\(\)"):
        pw.plot.circuit(pw.Circuit(["L0.H1"]), edges=pw.Circuit())  # type: ignore[arg-type]
    some = experiment.sweep_paths(paths=["L0.H1->logits"], progress=False)
    with pytest.raises(SiteError, match=r"^None of these 1 edges leads from a node of the circuit"):
        pw.plot.circuit(pw.Circuit(["L3.H0"]), edges=some)
