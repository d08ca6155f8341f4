"""Edge attribution: by small steps, by a backward pass for each receiver, and exact where everything is linear."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.edges import Path
from patchwidgets.facade import Experiment
from patchwidgets.models.graph import all_edges
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.edge_attribution_by_hand import FAMILIES, ByHand
from tests.support.edges import edge_effect, edge_slope
from tests.support.families import CASES, N_HEADS, N_LAYERS, VOCABULARY, random_model
from tests.support.linear_model import linear_model
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

EXPERTS = ("mixtral", "qwen3_moe")


def in_float64(case: str) -> Model:
    hf_model = random_model(case, torch.float64 if case != "gpt_oss" else torch.float32)
    if case in EXPERTS:  # their fused experts exist in float32 and below only
        hf_model.set_experts_implementation("eager")
    return Model(hf_model, toy_tokenizer(VOCABULARY), case)


def largest_of_each_kind(experiment: Experiment, effect: Any) -> Iterator[tuple[Path, float]]:
    """Of every kind of sender and receiver, the edge of largest estimate, and the estimate."""
    by_kind: dict[tuple[str, str], list[tuple[float, Path]]] = {}
    for edge, value in zip(all_edges(experiment.model), effect.values, strict=True):
        kind = edge.sender.component, edge.receiver.component
        by_kind.setdefault(kind, []).append((float(value), edge))
    for of_kind in by_kind.values():
        value, edge = max(of_kind, key=lambda each: abs(each[0]))
        yield edge, value


@pytest.mark.parametrize("case", CASES)
def test_every_family_by_small_steps(case: str) -> None:
    """The definition itself, two runs with the receiver alone reading a little of the sender's change, both ways."""
    experiment = several_pairs(in_float64(case), ["logit_diff"])
    found = experiment.estimate_edges(method="eap", progress=False)
    assert found.to_xarray()["edge"].values.tolist() == list(map(str, all_edges(experiment.model)))
    for edge, value in largest_of_each_kind(experiment, found.effect):
        step = 1e-3 if case in EXPERTS else 1e-2  # experts that are chosen otherwise make jumps
        assert value == pytest.approx(edge_slope(experiment, edge, step), rel=0.03, abs=2e-4), edge


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("method", ["eap", "eap-ig"])
def test_it_is_exact_on_a_linear_model(direction: Any, method: Any) -> None:
    experiment = one_pair(linear_model(), ["logit_diff"]).turned(direction)
    found = experiment.estimate_edges(method=method, progress=False)
    size, exact = float(np.abs(found.effect).max()), experiment.edges(progress=False)
    assert found.effect.values == pytest.approx(exact.effect.values, abs=1e-4 * size)
    assert found.compare(exact).signs_wrong == 0
    for edge, value in largest_of_each_kind(experiment, found.effect):
        assert value == pytest.approx(edge_effect(experiment, edge), abs=1e-4 * size), edge
    assert (found.effect.sel(edge=["embed->L1.H2.q", "L0.H1->L2.H0.k"]) == 0).all()


@pytest.mark.parametrize("case", FAMILIES)
def test_all_edges_with_a_backward_pass_per_receiver(case: str) -> None:
    experiment = one_pair(make_model(case, torch.float64), ["logit_diff"])
    slow, found = ByHand(case, experiment), experiment.estimate_edges(method="eap", progress=False)
    changes, gradients = slow.changes(), {}
    for edge, value in zip(all_edges(experiment.model), found.effect.values, strict=True):
        receiver = str(edge.receiver)
        if receiver not in gradients:
            gradients[receiver] = slow.gradient(edge.receiver)
        expected = float((changes[str(edge.sender)] * gradients[receiver]).sum())
        assert value == pytest.approx(expected, rel=1e-4, abs=1e-6), edge


@pytest.mark.parametrize(
    "case",
    [
        "llama",
        "gpt2",
        "olmo2",
        "gemma2",
        "phi",
        "bloom",
        "granite",
        "gpt_neox, not parallel",
        "mpt",
        "cohere",
    ],
)
def test_the_edges_of_a_sender_add_up_to_its_attribution(case: str) -> None:
    """The stream behind a sender flows to its receivers alone. Not so for heads with a norm behind them: it bends."""
    experiment = one_pair(make_model(case, torch.float64), ["logit_diff", "kl"])
    edges = experiment.estimate_edges(method="eap", progress=False)
    heads = experiment.estimate("z", progress=False)
    mlps = experiment.estimate("mlp_out", progress=False)
    for metric in ("logit_diff", "kl"):
        frame = (
            edges.over_pairs(metric)[["effect"]].to_dataframe().groupby("sender")["effect"].sum()
        )
        for layer in range(N_LAYERS):
            expected = float(mlps.over_pairs(metric)["effect"].sel(layer=layer))
            assert frame[f"L{layer}.mlp_out"] == pytest.approx(expected, rel=1e-3, abs=1e-5)
            for head in range(N_HEADS if case not in ("olmo2", "gemma2") else 0):
                expected = float(heads.over_pairs(metric)["effect"].sel(layer=layer, head=head))
                assert frame[f"L{layer}.H{head}"] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_the_edges_of_the_embedding_add_up_to_the_whole_difference() -> None:
    """At every point all of the embedding's gradient flows over its edges, so EAP-IG is complete there, as IG is."""
    experiment = one_pair(make_model("llama", torch.float64), ["logit_diff"])
    true, off = experiment.clean.value - experiment.corrupted.value, []
    for steps in (40, 80):
        found = experiment.estimate_edges(method="eap-ig", steps=steps, progress=False)
        off.append(abs(float(found.sel(sender="embed").effect.sum()) - true))
        whole = experiment.estimate("embed", method="ig", steps=steps, progress=False).effect.sum()
        assert found.sel(sender="embed").effect.sum() == pytest.approx(float(whole), rel=1e-6)
    assert off[1] < 0.6 * off[0]
    assert off[1] < 0.02 * abs(true)


def test_integrated_gradients_are_the_mean_of_gradients_on_the_way() -> None:
    """By hand: the host's embeddings moved by 0, 1/3 and 2/3 of the way, with a backward pass per receiver each."""
    experiment = one_pair(make_model("llama", torch.float64), ["logit_diff"])
    found = experiment.estimate_edges(method="eap-ig", steps=3, progress=False)
    slow, expected = ByHand("llama", experiment), 0.0
    edge = Path.parse("L0.H1->L2.KV1.v")
    table = slow.model.get_input_embeddings()
    way = table.weight[list(slow.pair.clean)] - table.weight[list(slow.pair.corrupted)]
    for step in range(3):
        moved = table.register_forward_hook(lambda _m, _a, out, t=step / 3: out + t * way)
        expected += slow.gradient(edge.receiver).detach() / 3
        moved.remove()
    value = float((slow.changes()["L0.H1"] * expected).sum())
    assert float(found.effect.sel(edge=str(edge))) == pytest.approx(value, rel=1e-5)
    one = experiment.estimate_edges(method="eap-ig", steps=1, progress=False)
    eap = experiment.estimate_edges(method="eap", progress=False)
    assert one.effect.values == pytest.approx(eap.effect.values, abs=1e-9)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_prompts_of_unequal_length(direction: Any) -> None:
    """A sender changes the stream where its position has a counterpart; the rest of the host stays."""
    align = [(0, 0), (1, 1), (3, 4), (4, 5), (5, 6)]
    clean, corrupted = "w3 w14 w15 w9 w26 w5", "w3 w14 w42 w43 w9 w26 w5"
    task = Task(clean, corrupted, " w8", " w9", align=align)
    for case in ("llama", "gpt2"):  # the second one has learned positions
        experiment = Experiment(make_model(case, torch.float64), task, direction=direction)
        found = experiment.estimate_edges(method="eap", progress=False)
        for edge, value in largest_of_each_kind(experiment, found.effect):
            assert value == pytest.approx(edge_slope(experiment, edge, 1e-2), rel=0.03, abs=2e-4)


def test_any_budget_and_several_metrics() -> None:
    experiment = several_pairs(make_model("gemma2"), ["logit_diff", "answer_prob", "kl@subject"])
    whole = experiment.estimate_edges(method="eap-ig", steps=2, progress=False)
    parts = experiment.estimate_edges(method="eap-ig", steps=2, progress=False, budget=1)
    for metric in experiment.metrics:
        alone = experiment.measuring(metric).estimate_edges(
            method="eap-ig", steps=2, progress=False
        )
        expected = whole.over_pairs(metric)["effect"].values
        for other in (parts, alone):
            assert other.over_pairs(metric)["effect"].values == pytest.approx(
                expected, rel=1e-3, abs=1e-5
            )


def test_all_edges_of_smollm2(names_experiment: Experiment) -> None:
    """Near the exact effects, which hooks by hand gave."""
    found = names_experiment.measuring("logit_diff").estimate_edges(method="eap", progress=False)
    assert len(found.effect) == 70_651
    exact = {
        "L20.H0->L23.H3.q": -0.3864,
        "L19.H2->L23.H3.q": -0.3096,
        "L20.mlp_out->L23.KV1.k": -0.6520,
        "L0.mlp_out->L23.KV1.v": 3.2245,
        "L23.H3->logits": 5.8413,
        "L29.H1->logits": 2.8316,
        "L29.H0->logits": -2.0966,
        "L26.mlp_out->logits": 1.0978,
    }
    for edge, effect in exact.items():
        assert float(found.effect.sel(edge=edge)) == pytest.approx(effect, rel=0.25)
    assert found.attrs["method"] == "eap"
    assert 0 < found.to_xarray()["noise_floor"][0] < 1e-3


def test_against_exact_edges_of_smollm2(names_experiment: Experiment) -> None:
    """All edges into the query of L23.H3: EAP is near, EAP-IG less so."""
    experiment = names_experiment.measuring("logit_diff")
    chosen = ["L23.H3.q"]
    exact = experiment.sweep_paths(chosen, progress=False)
    eap, ig = (
        experiment.estimate_edges(method=method, progress=False).sel(receiver=chosen).compare(exact)
        for method in ("eap", "eap-ig")
    )
    assert len(eap.sites) == 231
    assert eap.rank_correlation > 0.95
    assert eap.found[10] >= 9
    assert eap.signs_wrong < 0.03
    assert ig.rank_correlation < eap.rank_correlation
