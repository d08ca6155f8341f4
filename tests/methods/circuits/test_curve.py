"""Faithfulness curves: their arithmetic by hand, their circuits, and the random ones beside them."""

from collections import Counter

import numpy as np
import pytest

from patchwidgets.edges import Path
from patchwidgets.errors import MetricError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.curve import FRACTIONS, _random
from patchwidgets.methods.circuits.curve_result import CurveReading, area_under
from patchwidgets.methods.circuits.members import in_order, layer_of
from patchwidgets.metrics import find_metrics
from patchwidgets.sites import Site
from patchwidgets.tasks import Task
from tests.support.toy_models import make_model

TASK = Task(
    ["w3 w14 w15 w9 w26", "w5 w14 w15 w9 w27", "w5 w14 w15 w9"],
    ["w3 w14 w42 w9 w26", "w5 w11 w42 w9 w27", "w5 w11 w15 w9"],
    " w8",
    " w9",
)


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return Experiment(make_model("llama"), TASK, ["logit_diff", "kl"])


def _reading(faithfulness: list[float], fractions: tuple[float, ...]) -> CurveReading:
    """A curve of two pairs, whose metric is 10 in the model and 2 with everything ablated, by mean."""
    mean = 2 + 8 * np.array(faithfulness)
    circuits = np.stack([mean - 1, mean + 1], axis=1)
    ends = np.array([9.0, 11.0]), np.array([0.0, 4.0])
    metric = find_metrics("logit_diff", True, False)["logit_diff"]
    return CurveReading(metric, fractions, *ends, circuits, np.zeros((len(mean), 0, 2)), 1e-3)


def test_a_perfect_curve_is_999_thousandths() -> None:
    perfect = _reading([1.0] * len(FRACTIONS), FRACTIONS)
    assert perfect.cpr == pytest.approx(0.999)
    assert perfect.cmd == pytest.approx(0)
    assert np.isnan(perfect.band).all()


def test_the_areas_are_trapezoids() -> None:
    """By hand: widths .1, .3, .5; of f 0, .5, 1.5, 1, and of |1 − f| 1, .5, .5, 0."""
    reading = _reading([0, 0.5, 1.5, 1], (0.1, 0.2, 0.5, 1.0))
    np.testing.assert_allclose(reading.faithfulness, [0, 0.5, 1.5, 1])
    assert reading.cpr == pytest.approx(0.1 * 0.25 + 0.3 * 1.0 + 0.5 * 1.25)
    assert reading.cmd == pytest.approx(0.1 * 0.75 + 0.3 * 0.5 + 0.5 * 0.25)
    np.testing.assert_allclose(reading.per_pair[1], [(5 - 0) / 9, (7 - 4) / 7])
    assert float(area_under([0, 1], np.array([2.0, 4.0]))) == 3


def test_circuits_are_the_largest_scores(exp: Experiment) -> None:
    scores = exp.sweep("z", progress=False)
    curve = exp.faithfulness_curve(scores, (0.25, 0.5, 1), n_random=4, progress=False)
    assert curve.n_kept == [3, 6, 12]
    for n, circuit, value in zip(curve.n_kept, curve.circuits, curve["kl"].circuits, strict=True):
        assert circuit == Circuit.top(scores, n)
        expected = exp.evaluate(circuit, among=("z",))["kl"]
        np.testing.assert_allclose(value, expected.circuit, atol=1e-6)
        np.testing.assert_allclose(curve["kl"].nothing, expected.nothing, atol=1e-6)
    assert curve.faithfulness[-1] == pytest.approx(1, abs=1e-5)
    by_kl = exp.faithfulness_curve(scores, (0.25, 1), metric="kl", n_random=0, progress=False)
    assert by_kl.circuits[0] == Circuit.top(scores, 3, metric="kl")


def test_signed_scores(exp: Experiment) -> None:
    scores = {"L0.H0": -5.0, "L0.H1": 1.0, "L1.H0": 2.0, "L1.H1": -0.5}
    for by, first in (("size", "L0.H0"), ("positive", "L1.H0"), ("negative", "L0.H0")):
        curve = exp.faithfulness_curve(scores, (0.25, 1), by=by, n_random=0, progress=False)  # type: ignore[arg-type]
        assert curve.circuits[0] == Circuit([first])
    assert "".join(map(str, curve.circuits[0].scores.values())) == "-5.0"


def test_what_has_no_score_is_never_ablated(exp: Experiment) -> None:
    edges = [str(edge) for edge in Circuit.all_edges(exp.model)]
    into = {name: float(i) for i, name in enumerate(edges) if name.endswith("->L1.KV0.v")}
    curve = exp.faithfulness_curve(into, (0.5, 1), n_random=0, progress=False)
    assert curve.n_scored == 6
    assert len(curve.circuits[0]) == 3
    others = Circuit([name for name in edges if name not in into])
    for kept, got in (
        (Circuit(), curve["kl"].nothing),
        (curve.circuits[0], curve["kl"].circuits[0]),
    ):
        np.testing.assert_allclose(got, exp.evaluate(others | kept)["kl"].circuit, atol=1e-6)


def test_edges_are_pruned_and_nothing_changes(exp: Experiment) -> None:
    rng = np.random.default_rng(1)
    scores = {edge: rng.normal() for edge in Circuit.all_edges(exp.model)}
    pruned, whole = (
        exp.faithfulness_curve(scores, (0.1, 0.4, 1), n_random=2, prune=prune, progress=False)
        for prune in (True, False)
    )
    assert [len(circuit) for circuit in whole.circuits] == whole.n_kept == pruned.n_kept
    for small, large in zip(pruned.circuits, whole.circuits, strict=True):
        assert small == large.prune(exp.model)
    assert len(pruned.circuits[0]) < len(whole.circuits[0])
    for name in exp.metrics:
        np.testing.assert_allclose(pruned[name].circuits, whole[name].circuits, atol=1e-6)
        np.testing.assert_allclose(pruned[name].random, whole[name].random, atol=1e-6)


def test_nodes_without_embed_lead_nowhere(exp: Experiment) -> None:
    scores = {str(node): 1.0 for node in Circuit.all_nodes(exp.model)} | {"embed": 0.1}
    curve = exp.faithfulness_curve(scores, (0.5, 1), n_random=0, progress=False)
    assert [len(circuit) for circuit in curve.circuits] == [0, 16]
    assert curve.faithfulness[0] == 0


def test_random_circuits_have_as_many_members_in_each_layer() -> None:
    model = make_model("llama")
    for members in (list(Circuit.all_nodes(model)), list(Circuit.all_edges(model))):
        best = [np.array([5, 1, 3, 9, 11, 12]), np.array([], dtype=int), np.arange(len(members))]
        drawn = _random(members, best, 20, np.random.default_rng(0))
        assert len(drawn) == 60
        for i, each in enumerate(drawn):
            layers = [Counter(layer_of(members[j]) for j in of) for of in (each, best[i // 20])]
            assert layers[0] == layers[1]
            assert len(set(each.tolist())) == len(each)
        assert len({tuple(sorted(each.tolist())) for each in drawn[:20]}) > 1


def test_random_circuits_follow_from_the_seed(exp: Experiment) -> None:
    scores = exp.sweep("z", progress=False)
    one, again, other = (
        exp.faithfulness_curve(scores, (0.25, 0.5), n_random=6, seed=seed, progress=False)
        for seed in (0, 0, 1)
    )
    assert one["kl"].random.shape == (2, 6, 3)
    np.testing.assert_array_equal(one["kl"].random, again["kl"].random)
    assert not np.array_equal(one["kl"].random, other["kl"].random)
    low, median, high = one["kl"].band
    assert np.all(low <= median)
    assert np.all(median <= high)
    assert one["kl"].random_cpr.shape == (6,)
    np.testing.assert_allclose(
        one["kl"].random_cpr, 0.25 * one["kl"].random_faithfulness.mean(axis=0)
    )


def test_a_table_has_every_metric(exp: Experiment) -> None:
    curve = exp.faithfulness_curve({"L0.H0": 1, "L1.H0": 2}, (0.5, 1), n_random=3, progress=False)
    frame = curve.to_frame()
    assert frame["metric"].tolist() == ["logit_diff", "logit_diff", "kl", "kl"]
    assert frame["n"].tolist() == [1, 2, 1, 2]
    np.testing.assert_allclose(frame["faithfulness"][2:], curve["kl"].faithfulness)
    assert repr(curve).startswith("FaithfulnessCurve(2 nodes, the rest corrupted: logit diff, CPR")
    with pytest.raises(MetricError, match="does not measure 'rank'"):
        curve["rank"]


def test_where_nothing_can_be_said_the_reason_is(exp: Experiment) -> None:
    flat = exp.measuring(lambda readout: readout.logits[:, 0] * 0)
    curve = flat.faithfulness_curve({"L0.H0": 1, "L1.H0": 2}, (0.5, 1), n_random=3, progress=False)
    assert np.isnan(curve.faithfulness).all()
    assert np.isnan(curve.cpr)
    assert np.isnan(curve.cmd)
    assert str(curve.reason).startswith("No faithfulness")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (({},), "There are no scores"),
        (({"L0.H0": float("nan"), "embed": 1},), r"1 of 2 scores are NaN, L0\.H0 first"),
        (({"L0.H0": 1}, (0.5, 0.2)), r"fractions is \(0.5, 0.2\); expected at least two numbers"),
        (({"L0.H0": 1}, (0, 0.2)), "above 0 and up to 1"),
        (({"L0.H0": 1}, (0.2, 1.5)), "above 0 and up to 1"),
        (({"L0.H0": 1}, (0.2,)), "at least two"),
        ((["L0.H0"],), "Expected a SweepResult, or a dict"),
        (({"L0.H0": 1, "embed->logits": 2},), "nodes or edges, not both"),
    ],
)
def test_misuse_is_refused(exp: Experiment, arguments: tuple, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        exp.faithfulness_curve(*arguments, progress=False)


def test_a_negative_number_of_random_circuits_is_refused(exp: Experiment) -> None:
    with pytest.raises(SiteError, match="n_random is -1; expected 0 or more"):
        exp.faithfulness_curve({"L0.H0": 1}, n_random=-1, progress=False)


def test_a_circuit_with_scores_is_scores(exp: Experiment) -> None:
    circuit = Circuit(["L0.H0", "L1.H0"], {"L0.H0": 1, "L1.H0": 3})
    curve = exp.faithfulness_curve(circuit, (0.5, 1), n_random=0, progress=False)
    assert curve.circuits[0] == Circuit(["L1.H0"])
    assert in_order([Site("z", 1, 0), Site("embed")])[0] == Site("embed")
    assert layer_of(Path.parse("L0.H0->L2.mlp_in")) == 2


def test_it_says_over_which_fractions_its_areas_go(exp: Experiment) -> None:
    """They are divided by nothing, so that they compare over the same fractions alone."""
    curve = exp.faithfulness_curve(exp.sweep("z", progress=False), (0.5, 1), progress=False)
    assert repr(curve).endswith(
        f"CPR {curve.cpr:.3f}, CMD {curve.cmd:.3f} over fractions 0.5 to 1)"
    )
