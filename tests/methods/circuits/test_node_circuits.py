"""Circuits of nodes: everything else is patched; faithfulness, completeness and minimality of the result."""

import numpy as np
import pytest
import torch

from patchwidgets.errors import MetricError, RefusedError, SiteError, WeightsChangedError
from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import CASES, VOCABULARY, random_model
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task(
    ["w3 w14 w15 w9 w26", "w5 w14 w15 w9 w27", "w5 w14 w15 w9"],
    ["w3 w14 w42 w9 w26", "w5 w11 w42 w9 w27", "w5 w11 w15 w9"],
    " w8",
    " w9",
    {"X": 2},
)
EVERYTHING = ("embed", "z", "mlp_out")


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return Experiment(make_model("llama"), TASK, ["logit_diff", "kl", "rank"])


@pytest.mark.parametrize("case", CASES)
def test_no_node_is_the_corrupted_run_and_all_nodes_are_the_clean_one(case: str) -> None:
    exp = Experiment(make_model(case), TASK)
    reading = exp.evaluate(Circuit.all_nodes(exp.model), among=EVERYTHING)["logit_diff"]
    floor, values = exp.noise_floor["logit_diff"], exp.evaluation.values
    np.testing.assert_allclose(reading.circuit, values["clean"]["logit_diff"], atol=floor)
    np.testing.assert_allclose(reading.nothing, values["corrupted"]["logit_diff"], atol=floor)


def test_the_rest_is_patched(exp: Experiment) -> None:
    """By patches of every other node, in the experiment whose host is the clean run."""
    circuit = Circuit(["embed", "L0.H1", "L2.H3", "L1.attn_out", "L0.mlp_out", "L2.mlp_out"])
    heads = [("L0", (0, 2, 3)), ("L2", (0, 1, 2))]
    rest = ["L1.mlp_out", *(f"{layer}.H{head}" for layer, some in heads for head in some)]
    noise = exp.turned("noise")
    result = exp.evaluate(circuit)
    kept = ["L0.H1", "L2.H3", "L0.mlp_out", "L2.mlp_out", "L1.attn_out"]
    everything = [*rest, *kept[:-1], *(f"L1.H{head}" for head in range(4))]
    for name in exp.metrics:
        for got, sites in [
            (result[name].circuit, rest),
            (result[name].complement, kept),
            (result[name].nothing, everything),
        ]:
            expected = noise.patch(*sites)[name].patched
            np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_numbers_follow_from_the_metrics(exp: Experiment) -> None:
    result = exp.evaluate(Circuit(["L0.H1", "L1.mlp_out", "L2.H2"]))
    for reading in result.readings.values():
        mean = reading.metric.mean
        whole, nothing = mean(reading.model), mean(reading.nothing)
        if abs(whole - nothing) <= reading.noise_floor:
            continue
        assert reading.value == mean(reading.circuit)
        faithful = (reading.value - nothing) / (whole - nothing)
        complete = (mean(reading.complement) - nothing) / (whole - nothing)
        assert (reading.faithfulness, reading.completeness) == pytest.approx((faithful, complete))
    first = result["logit_diff"]
    expected = (first.circuit - first.nothing) / (first.model - first.nothing)
    np.testing.assert_allclose(result.per_pair.faithfulness, expected)
    assert (result.value, result.faithfulness) == (first.value, first.faithfulness)
    assert list(result.to_frame().index) == ["logit_diff", "kl", "rank"]


def test_minimality_leaves_each_member_out(exp: Experiment) -> None:
    members = ["L0.H1", "L1.mlp_out", "L2.H2"]
    result = exp.evaluate(Circuit([*members, "embed"]))
    for metric in ("logit_diff", "kl"):
        frame = result.minimality(metric)
        assert set(frame.index) == set(members)
        assert frame["change"].abs().is_monotonic_decreasing
        for member in members:
            without = exp.evaluate(Circuit([*members, "embed"]) - Circuit([member]))[metric]
            assert frame.loc[member, "value"] == pytest.approx(without.value, abs=1e-6)
            change = result[metric].faithfulness - without.faithfulness
            assert frame.loc[member, "change"] == pytest.approx(change, abs=1e-4)
    assert exp.evaluate(Circuit()).minimality().empty


def test_nodes_may_be_kept_at_positions(exp: Experiment) -> None:
    circuit = Circuit(["L0.H1@X", "L0.H1@3", "L1.mlp_out@-1", "L2.mlp_out"])
    got = exp.evaluate(circuit, among=("z", "mlp_out"))["kl"].circuit
    noise = exp.turned("noise")
    heads = [f"L{layer}.H{head}" for layer in range(3) for head in range(4)]
    heads.remove("L0.H1")
    for pair, length in enumerate((5, 5, 4)):
        rest = [f"L0.H1@{i}" for i in range(length) if i not in (2, 3)]
        rest += [f"L1.mlp_out@{i}" for i in range(length - 1)]
        one = Experiment(exp.model, TASK.pair(pair), ["kl"], "noise")
        expected = one.patch(*heads, "L0.mlp_out", *rest)["kl"].patched
        assert got[pair] == pytest.approx(expected[0], abs=1e-6)
    assert noise.host_name == "clean"


def test_neurons_take_the_place_of_their_mlp(exp: Experiment) -> None:
    circuit = Circuit(["L1.N3", "L1.N39", "L0.mlp_out"])
    got = exp.evaluate(circuit, among=("mlp_out",))["kl"]
    rest = [f"L1.N{i}" for i in range(40) if i not in (3, 39)]
    noise = exp.turned("noise")
    np.testing.assert_allclose(
        got.circuit, noise.patch(*rest, "L2.mlp_out")["kl"].patched, atol=1e-6
    )
    kept = exp.evaluate(circuit | Circuit(["L1.mlp_out"]), among=("mlp_out",))["kl"]
    np.testing.assert_allclose(kept.circuit, noise.patch("L2.mlp_out")["kl"].patched, atol=1e-6)


def test_the_ablation_is_the_source_of_a_patch(exp: Experiment) -> None:
    zero = torch.zeros(())
    rest = [Patch(f"L{layer}.mlp_out", zero) for layer in (0, 2)]
    expected = exp.turned("noise").patch(*rest)["kl"].patched
    got = exp.evaluate(Circuit(["L1.mlp_out"]), ablation=zero, among=("mlp_out",))["kl"].circuit
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_answers_of_several_tokens() -> None:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8 w7", " w9 w2 w1")
    exp = Experiment(make_model("llama"), task, "answer_logprob")
    reading = exp.evaluate(Circuit(["L1.mlp_out"]), among=("mlp_out",))["answer_logprob"]
    expected = exp.turned("noise").patch("L0.mlp_out", "L2.mlp_out").value
    assert reading.circuit[0] == pytest.approx(expected, abs=1e-5)


def test_where_nothing_can_be_said_the_reason_is() -> None:
    exp = Experiment(make_model("llama"), TASK)
    result = exp.evaluate(Circuit(["L0.H1"]), among=("embed",), ablation="clean")
    assert np.isfinite(result.faithfulness)
    flat = exp.measuring(lambda readout: readout.logits[:, 0] * 0)
    nothing = flat.evaluate(Circuit(["L0.H1"]))
    assert np.isnan(nothing.faithfulness)
    assert np.isnan(nothing.completeness)
    assert str(nothing.reason).startswith(
        "No faithfulness: the model gives +0 and, with everything"
    )
    assert "faithfulness undefined" in repr(nothing)
    assert np.isnan(nothing.per_pair.faithfulness).all()


@pytest.mark.parametrize(
    ("members", "among", "error", "says"),
    [
        (["L9.H1"], None, SiteError, "layer 9 is out of range"),
        (["L0.H1"], ("heads",), SiteError, r"among is \('heads',\); expected some of embed, z"),
        (["L0.H1"], "z", SiteError, r"among is 'z'; .* as in among=\('z', 'mlp_out'\)"),
        (["L0.H1"], (), SiteError, r"among is \(\)"),
    ],
)
def test_misuse_is_refused(
    exp: Experiment, members: list[str], among: tuple, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        exp.evaluate(Circuit(members), among=among)


def test_a_metric_that_is_not_measured_is_refused(exp: Experiment) -> None:
    result = exp.evaluate(Circuit(["L0.H1"]))
    with pytest.raises(MetricError, match="does not measure 'answer_prob'"):
        result["answer_prob"]


def test_neurons_that_a_model_does_not_have_are_refused() -> None:
    exp = Experiment(make_model("mixtral"), TASK)
    with pytest.raises(RefusedError, match="mixture of experts"):
        exp.evaluate(Circuit(["L0.N3"]))


def test_changed_weights_are_noticed() -> None:
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY), "changing")
    exp = Experiment(model, TASK)
    result = exp.evaluate(Circuit(["L0.H1"]))
    model.hf_model.model.layers[1].mlp.down_proj.weight.data.mul_(2)
    with pytest.raises(WeightsChangedError):
        exp.evaluate(Circuit(["L0.H1", "L1.H1"]))
    with pytest.raises(WeightsChangedError):
        result.minimality()
