"""Circuits of edges: whole circuits by arithmetic written out, positions, ablations, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from patchwidgets.edges import Path
from patchwidgets.errors import CounterpartError, PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.models.model import Model
from patchwidgets.models.run import run_prompts
from patchwidgets.tasks import Task
from tests.support.edges_by_hand import run_circuit
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_models import count_hooks, make_model
from tests.support.toy_tokenizer import toy_tokenizer
from tests.support.unequal_prompts import CLEAN, unequal_pairs, unequal_task

TASK = Task(
    ["w3 w14 w15 w9 w26", "w5 w14 w15 w9 w27"],
    ["w3 w14 w42 w9 w26", "w5 w11 w42 w9 w27"],
    " w8",
    " w9",
    {"X": 2},
)


@pytest.mark.parametrize("name", ["gpt2", "llama", "llama, a head each"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_any_circuit_is_arithmetic_written_out(name: str, part: float) -> None:
    exp = Experiment(make_model(name), TASK)
    hf_model, rng = exp.model.hf_model, np.random.default_rng(int(100 * part))
    edges = [edge for edge in Circuit.all_edges(exp.model) if rng.random() < part]
    got = exp.evaluate(Circuit(edges))["logit_diff"]
    everything = {str(edge) for edge in Circuit.all_edges(exp.model)}
    for i, pair in enumerate(exp.pairs):
        _, corrupted = run_circuit(hf_model, torch.tensor(pair.corrupted), ())
        kept = {str(edge) for edge in edges}
        for numbers, names in ((got.circuit, kept), (got.complement, everything - kept)):
            logits, _ = run_circuit(hf_model, torch.tensor(pair.clean), names, corrupted)
            assert numbers[i] == pytest.approx(float(logits[8] - logits[9]), abs=2e-5)


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return Experiment(make_model("llama"), TASK, ["logit_diff", "kl", "logit_diff@X"])


def test_an_edge_may_be_kept_at_one_position(exp: Experiment) -> None:
    """At the last position alone, a head's queries are all that its output there, and so the logits, get."""
    everything = Circuit.all_edges(exp.model)
    into = Circuit([edge for edge in everything if str(edge).endswith("->L2.H1.q")])
    at_last = Circuit([f"{edge}@-1" for edge in into])
    whole, last = exp.evaluate(everything), exp.evaluate((everything - into) | at_last)
    np.testing.assert_allclose(last["kl"].circuit, whole["kl"].circuit, atol=1e-6)
    without = exp.evaluate(everything - into)
    assert np.abs(without["logit_diff"].circuit - whole["logit_diff"].circuit).max() > 1e-4
    # A sender at one position meets a receiver there, and nowhere else.
    nowhere = Circuit([f"{edge.sender}@1->L2.H1.q@-1" for edge in into])
    at_nothing = exp.evaluate((everything - into) | nowhere)
    np.testing.assert_allclose(at_nothing["kl"].circuit, without["kl"].circuit, atol=1e-6)


def test_positions_are_all_positions_together(exp: Experiment) -> None:
    rng = np.random.default_rng(3)
    edges = [edge for edge in Circuit.all_edges(exp.model) if rng.random() < 0.8]
    apart = [f"{edge}@{pos}" for edge in edges for pos in ("0:2", "X", "3", "-1")]
    one, other = exp.evaluate(Circuit(edges)), exp.evaluate(Circuit(apart))
    for name, reading in one.readings.items():
        np.testing.assert_allclose(reading.circuit, other[name].circuit, atol=1e-6)
        np.testing.assert_allclose(reading.complement, other[name].complement, atol=1e-6)


def test_attn_out_sends_what_its_heads_send(exp: Experiment) -> None:
    rest = [e for e in Circuit.all_edges(exp.model) if not str(e).startswith("L1.H")]
    of_heads = [
        e for e in Circuit.all_edges(exp.model) if str(e).startswith("L1.H") and "mlp" in str(e)
    ]
    receivers = {str(edge.receiver) for edge in of_heads if isinstance(edge, Path)}
    joined = [f"L1.attn_out->{receiver}" for receiver in receivers]
    one, other = (exp.evaluate(Circuit([*rest, *each])) for each in (of_heads, joined))
    assert one.value == pytest.approx(other.value, abs=1e-7)


def test_the_direction_does_not_matter_and_the_ablation_does(exp: Experiment) -> None:
    rng = np.random.default_rng(5)
    circuit = Circuit([e for e in Circuit.all_edges(exp.model) if rng.random() < 0.8])
    value = exp.evaluate(circuit).value
    assert exp.flip().evaluate(circuit).value == value
    assert exp.evaluate(circuit, ablation="host").value == value
    assert exp.flip().evaluate(circuit, ablation="source").value == value
    assert exp.evaluate(circuit, ablation=exp.corrupted).value == value
    other_way = exp.evaluate(circuit, ablation="clean")
    assert exp.evaluate(circuit, ablation="source").value == other_way.value
    reading = other_way["logit_diff"]
    np.testing.assert_allclose(reading.model, exp.evaluation.values["corrupted"]["logit_diff"])
    np.testing.assert_allclose(
        reading.nothing, exp.evaluation.values["clean"]["logit_diff"], atol=1e-6
    )


def test_a_run_of_other_prompts_ablates(exp: Experiment) -> None:
    ids = [(7, 14, 30, 9, 26), (8, 2, 15, 31, 27)]
    run = run_prompts(exp.model.layout, exp.model.tokenizer, ids)
    result = exp.evaluate(Circuit.all_edges(exp.model), ablation=run)
    expected = run.logits[:, 8] - run.logits[:, 9]
    np.testing.assert_allclose(result["logit_diff"].nothing, expected, atol=1e-5)
    assert result.faithfulness == pytest.approx(1, abs=1e-4)


def test_a_single_zero_ablates_to_zero(exp: Experiment) -> None:
    """With nothing but zeros in the stream the logits are all equal."""
    circuit = Circuit.all_edges(exp.model)
    reading = exp.evaluate(circuit, ablation=torch.zeros(()))["logit_diff"]
    np.testing.assert_allclose(reading.nothing, 0, atol=1e-5)
    only = Circuit(["L2.mlp_out->logits"])
    ids = torch.tensor(exp.pairs[0].clean)
    _, now = run_circuit(exp.model.hf_model, ids, ())
    nothing = {name: torch.zeros_like(written) for name, written in now.items()}
    logits, _ = run_circuit(exp.model.hf_model, ids, {"L2.mlp_out->logits"}, nothing)
    got = exp.evaluate(only, ablation=torch.zeros(()))["logit_diff"].circuit[0]
    assert got == pytest.approx(float(logits[8] - logits[9]), abs=1e-5)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_pairs_of_unequal_lengths(direction: Any) -> None:
    """All edges are the clean run; none leaves what has no counterpart, as patches of all nodes do."""
    model = make_model("llama")
    exp = Experiment(model, unequal_pairs(), ["logit_diff", "kl"], direction)
    edges, nodes = Circuit.all_edges(model), Circuit.all_nodes(model)
    of_edges = exp.evaluate(edges)
    of_nodes = exp.evaluate(nodes, among=("embed", "z", "mlp_out"))
    for name in exp.metrics:
        clean = exp.evaluation.values["clean"][name]
        np.testing.assert_allclose(of_edges[name].circuit, clean, atol=2e-5)
        np.testing.assert_allclose(of_nodes[name].circuit, clean, atol=2e-5)
        np.testing.assert_allclose(of_edges[name].nothing, of_nodes[name].nothing, atol=2e-5)
    shorter = exp.pairs[0]
    assert len(shorter.columns) < len(shorter.clean) == len(CLEAN.split())


def test_a_position_without_a_counterpart_is_kept_in_the_prompt_that_has_it() -> None:
    model = make_model("llama")
    exp = Experiment(model, unequal_task())
    circuit = Circuit(["embed->L0.KV0.v@lone", "L0.H0->logits"])
    assert np.isfinite(exp.evaluate(circuit).value)
    with pytest.raises(CounterpartError, match="has no counterpart in the corrupted prompt"):
        exp.evaluate(circuit, ablation="clean")


def test_answers_of_several_tokens() -> None:
    model = make_model("llama")
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8 w7", " w9 w2 w1", {"X": 2})
    exp = Experiment(model, task, ["answer_logprob", "kl"])
    result = exp.evaluate(Circuit.all_edges(model))
    assert result["answer_logprob"].circuit[0] == pytest.approx(exp.clean.value, abs=1e-4)
    assert result["answer_logprob"].nothing[0] == pytest.approx(exp.corrupted.value, abs=1e-4)
    edges = list(Circuit.all_edges(model))[::2]
    apart = [f"{edge}@{pos}" for edge in edges for pos in ("0:2", "X", "3", "-1")]
    one, other = exp.evaluate(Circuit(edges)), exp.evaluate(Circuit(apart))
    assert one.value == pytest.approx(other.value, abs=1e-5)
    # Together with its continuation, written out: the corrupted values end with the prompt.
    (pair,) = exp.pairs
    assert _joint_by_hand(model, pair.clean, pair.corrupted, edges) == pytest.approx(
        one["answer_logprob"].circuit[0], abs=1e-4
    )


class _InPrompt(dict[str, Tensor]):
    """Corrupted values in the prompt, and behind it what each sender writes now."""

    def __init__(self, corrupted: dict[str, Tensor], now: dict[str, Tensor]) -> None:
        super().__init__(corrupted)
        self._now = now

    def __getitem__(self, sender: str) -> Tensor:
        corrupted = super().__getitem__(sender)
        return torch.cat([corrupted, self._now[sender][len(corrupted) :]])


def _joint_by_hand(model: Model, clean: Any, corrupted: Any, edges: Any) -> float:
    """The log-probability of the answer's two tokens."""
    total, kept = 0.0, {str(edge) for edge in edges}
    _, ablated = run_circuit(model.hf_model, torch.tensor(corrupted), ())
    for so_far, token in (((), 8), ((8,), 7)):
        now: dict[str, Tensor] = {}
        ids = torch.tensor([*clean, *so_far])
        logits, _ = run_circuit(model.hf_model, ids, kept, _InPrompt(ablated, now), now)
        total += float(logits.log_softmax(-1)[token])
    return total


def test_half_precision_stays_within_its_noise() -> None:
    exp = Experiment(make_model("gemma2", torch.bfloat16), TASK)
    reading = exp.evaluate(Circuit.all_edges(exp.model))["logit_diff"]
    floor = exp.noise_floor["logit_diff"]
    np.testing.assert_allclose(reading.circuit, reading.model, atol=floor)
    corrupted = exp.evaluation.values["corrupted"]["logit_diff"]
    np.testing.assert_allclose(reading.nothing, corrupted, atol=4 * floor)


def test_circuits_in_small_passes_are_the_same(
    exp: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit = Circuit(list(Circuit.all_edges(exp.model))[::3])
    at_once = exp.evaluate(circuit).minimality().head(3)
    monkeypatch.setattr("patchwidgets.methods.circuits.edge_space.MAX_BYTES", 1)
    result = exp.evaluate(circuit)
    one_by_one = result.minimality().head(3)
    np.testing.assert_allclose(at_once["change"], one_by_one["change"], atol=1e-4)


def test_the_model_is_left_as_it_was(exp: Experiment) -> None:
    hf_model = exp.model.hf_model
    before = count_hooks(hf_model), hf_model.config._attn_implementation
    ids = exp.clean.batches[0].ids
    logits = hf_model(ids).logits
    exp.evaluate(Circuit(["embed->logits"]))
    assert before == (count_hooks(hf_model), hf_model.config._attn_implementation)
    assert torch.equal(hf_model(ids).logits, logits)


def test_an_adapter_is_no_linear_module_but_affine() -> None:
    """Of an output projection that is wrapped, each head is its output alone."""

    class Wrapped(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) + 0.125

    plain, hf_model = make_model("llama"), random_model("llama")
    for block in hf_model.model.layers:
        block.self_attn.o_proj = Wrapped(block.self_attn.o_proj)
    wrapped = Model(hf_model, toy_tokenizer(VOCABULARY), "wrapped")
    exp = Experiment(wrapped, TASK)
    result = exp.evaluate(Circuit.all_edges(plain))
    assert result.faithfulness == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(
        result["logit_diff"].nothing, exp.evaluation.values["corrupted"]["logit_diff"], atol=1e-5
    )


@pytest.mark.parametrize(
    ("members", "arguments", "error", "says"),
    [
        (["L0.H1->L1.H2.k"], {}, RefusedError, "H2 reads KV1, shared with H2–H3. Use L1.KV1.k"),
        (["L0.H1->L7.mlp_in"], {}, SiteError, "layer 7 is out of range"),
        (["L0.H9->L1.mlp_in"], {}, SiteError, "head 9 is out of range"),
        (["L0.H1->L1.H7.q"], {}, SiteError, "head 7 is out of range"),
        (["embed->logits"], {"among": ("z",)}, SiteError, "among is .* goes with nodes"),
        (["embed->logits"], {"ablation": "zero"}, PatchError, "Unknown source 'zero'"),
    ],
)
def test_misuse_is_refused(
    exp: Experiment, members: list[str], arguments: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        exp.evaluate(Circuit(members), **arguments)


def test_only_circuits_are_evaluated(exp: Experiment) -> None:
    with pytest.raises(PatchError, match=r"Expected a circuit, as in .*; got list"):
        exp.evaluate(["embed->logits"])  # type: ignore[arg-type]


def test_no_edge_runs_within_a_parallel_block() -> None:
    exp = Experiment(make_model("phi"), TASK)
    with pytest.raises(RefusedError, match="attention and MLP of a layer read the same stream"):
        exp.evaluate(Circuit(["L1.H0->L1.mlp_in"]))


def test_heads_where_the_family_turns_queries_itself_are_counted_too() -> None:
    exp = Experiment(make_model("gptj"), TASK)
    assert "q" in exp.model.refused
    for name in ("L1.H4.q", "L1.H4.k"):
        with pytest.raises(SiteError, match="head 4 is out of range"):
            exp.evaluate(Circuit([f"embed->{name}"]))
    assert np.isfinite(exp.evaluate(Circuit(["embed->L1.H3.q"])).value)
    new_decoder = Experiment(make_model("falcon, new decoder"), TASK)
    with pytest.raises(RefusedError, match=r"Use L1\.KV0"):
        new_decoder.evaluate(Circuit(["embed->L1.H1.k"]))
