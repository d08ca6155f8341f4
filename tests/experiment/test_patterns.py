"""Attention patterns of runs and patches, and cut edges, against an eager attention written out here."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

import patchwidgets as pw
from patchwidgets.errors import CounterpartError, PatchError, RefusedError, SiteError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import CASES, N_HEADS
from tests.support.torch_hooks import token_ids
from tests.support.toy_models import assert_same_logits, has, make_model
from tests.support.unequal_prompts import CLEAN, CORRUPTED, unequal_task

cut = pw.sources.cut
TASK = Task(
    "w3 w14 w15 w9 w26 w5 w35", "w3 w14 w42 w9 w26 w7 w35", " w8", " w9", {"first": 2, "sixth": 5}
)


@pytest.fixture(scope="module")
def experiment(toy: Model) -> Experiment:
    return Experiment(toy, TASK)


@contextmanager
def eager(model: Model, change: Callable[[Tensor], Tensor], seen: list[Tensor]) -> Any:
    """Attention of layer 1 written out: projections, rotation, softmax, `change` of the pattern, output."""
    attention: Any = model.hf_model.model.layers[1].self_attn

    def attend(_module: Any, _args: Any, kwargs: Any, output: Any) -> Any:
        hidden = kwargs["hidden_states"]
        q, k, v = (
            projection(hidden).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
            for projection in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        q, k = apply_rotary_pos_emb(q, k, *kwargs["position_embeddings"])
        shared = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        scores = q @ k.transpose(2, 3) * attention.head_dim**-0.5
        n = scores.shape[-1]
        scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), float("-inf"))
        pattern = change(scores.softmax(-1))
        seen.append(pattern[0])
        heads = (pattern @ v).transpose(1, 2).flatten(2)
        return (attention.o_proj(heads), *output[1:])

    handle = attention.register_forward_hook(attend, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def by_hand(model: Model, text: str, change: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Last logits, and the pattern of layer 1 ``[head, query, key]``."""
    seen: list[Tensor] = []
    with torch.no_grad(), eager(model, change, seen):
        logits = model.hf_model(token_ids(text)).logits[0, -1]
    return logits, seen[0]


def without(
    head: int, queries: list[int], keys: list[int], renormalise: bool = True
) -> Callable[[Tensor], Tensor]:
    def change(pattern: Tensor) -> Tensor:
        changed = pattern.clone()
        for query in queries:
            row = changed[0, head, query]
            row[keys] = 0
            if renormalise:
                row /= row.sum()
        return changed

    return change


def unchanged(pattern: Tensor) -> Tensor:
    return pattern


# ---- cutting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("renormalise", [True, False])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize(
    ("pos", "keys", "queries", "cut_keys"),
    [
        ("@-1", ("first",), [6], [2]),
        ("@4", (0,), [4], [0]),
        ("@3:6", (-5, "0:2"), [3, 4, 5], [2, 0, 1]),
        ("@sixth", ((2, 5),), [5], [2, 3, 4]),
        ("", (2,), [2, 3, 4, 5, 6], [2]),
    ],
)
def test_a_cut_edge_is_the_hand_written_one(
    experiment: Experiment,
    direction: Any,
    pos: str,
    keys: Any,
    queries: list[int],
    cut_keys: list[int],
    renormalise: bool,
) -> None:
    turned = experiment.turned(direction)
    source = cut(*keys, renormalise=renormalise)
    result = turned.patch(Patch(f"L1.H2.pattern{pos}", source))
    text = str(TASK.corrupted if direction == "denoise" else TASK.clean)
    change = without(2, queries, cut_keys, renormalise)
    logits, pattern = by_hand(turned.model, text, change)
    assert_same_logits(result.logits[0], logits)
    found = result.pattern("L1.H2").sel(run="patched").values
    assert np.abs(found - pattern[2].numpy()).max() < 1e-6
    assert (logits - turned.host.logits[0]).abs().max() > 1e-3
    sums = found.sum(-1)
    assert np.abs(sums[queries] - 1).max() < 1e-6 if renormalise else sums[queries].max() < 1


def test_all_heads_of_a_layer_at_once(experiment: Experiment) -> None:
    joint = experiment.patch(*(Patch(f"L1.H{i}.pattern@-1", cut(1)) for i in range(N_HEADS)))
    assert_same_logits(experiment.patch(Patch("L1.pattern@-1", cut(1))).logits, joint.logits, 1e-6)


@pytest.mark.parametrize("case", CASES)
def test_what_a_head_reads_without_a_key_in_every_family(case: str) -> None:
    """From the pattern and the values of the host: what is cut is missing from z, and from nothing else."""
    experiment = Experiment(make_model(case), TASK)
    if not has(experiment, "pattern"):
        with pytest.raises(RefusedError, match=r"No L1.H2.pattern here: "):
            experiment.patch(Patch("L1.H2.pattern@-1", cut(4)))
        return
    pattern = experiment.host["L1.H2.pattern@-1"][0, 0].double()
    v = experiment.host["L1.v"][0].double()
    values = v[:, 2 * v.shape[1] // N_HEADS]
    for renormalise in (True, False):
        kept = pattern.clone()
        kept[4:6] = 0
        if renormalise and float(kept.sum()):
            kept *= pattern.sum() / kept.sum()
        patch = Patch("L1.H2.pattern@-1", cut("4:6", renormalise=renormalise))
        if not float(kept.sum()):
            with pytest.raises(PatchError, match="leaves nothing of a row of the pattern"):
                experiment.patch(patch)
            continue
        moved = (kept - pattern) @ values
        expected = experiment.patch(
            Patch("L1.H2@-1", fn=lambda host, _, moved=moved: host + moved.to(host))
        )
        assert_same_logits(experiment.patch(patch).logits, expected.logits)


def test_keys_are_named_in_the_clean_prompt_and_cut_at_their_counterparts(toy: Model) -> None:
    experiment = Experiment(toy, unequal_task())
    logits, _ = by_hand(toy, CORRUPTED, without(2, [6], [4]))
    for key in ("X", 3, -3):
        result = experiment.patch(Patch("L1.H2.pattern@-1", cut(key)))  # type: ignore[arg-type]
        assert_same_logits(result.logits[0], logits)
    logits, _ = by_hand(toy, CLEAN, without(2, [5], [2]))
    clean = experiment.flip().patch(Patch("L1.H2.pattern@-1", cut("lone")))
    assert_same_logits(clean.logits[0], logits)
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt has no counterpart"):
        experiment.patch(Patch("L1.H2.pattern@-1", cut("lone")))


def test_pairs_of_unequal_lengths(toy: Model) -> None:
    clean, corrupted = ["w3 w14 w15 w9", "w7 w5 w9 w33 w6"], ["w3 w14 w25 w9", "w7 w5 w9 w34 w6"]
    task = Task(clean, corrupted, " w8", " w9", {"subject": [2, 3]})
    experiment = Experiment(toy, task)
    result = experiment.patch(Patch("L1.H2.pattern@-1", cut("subject")))
    for pair, (text, key) in enumerate(zip(corrupted, (2, 3), strict=True)):
        logits, pattern = by_hand(toy, text, without(2, [len(text.split()) - 1], [key]))
        assert_same_logits(result.logits[pair], logits)
        found = result.pattern("L1.H2", pair=pair)
        assert np.abs(found.sel(run="patched").values - pattern[2].numpy()).max() < 1e-6
    with pytest.raises(SiteError, match=r"The prompts have 4 to 5 tokens, .* pattern\('L9.H6', pa"):
        result.pattern("L1.H2")
    with pytest.raises(SiteError, match="The prompts have 4 to 5 tokens"):
        experiment.clean.pattern("L1.H2")
    assert experiment.clean.pattern("L1.H2", pair=-1).shape == (5, 5)


def test_answers_of_several_tokens(toy: Model) -> None:
    """The prompt is continued by answers, and only the prompt's own query is cut."""
    task = Task(TASK.clean, TASK.corrupted, " w8 w9", " w9 w7")
    result = Experiment(toy, task, "answer_logprob").patch(Patch("L1.H2.pattern@-1", cut(2)))
    with torch.no_grad(), eager(toy, without(2, [6], [2]), []):
        logits = toy.hf_model(token_ids(f"{TASK.corrupted} w8")).logits[0]
    expected = logits[6].log_softmax(-1)[8] + logits[7].log_softmax(-1)[9]
    assert result.value == pytest.approx(float(expected), abs=1e-4)
    assert_same_logits(result.logits[0], logits[6])


def test_half_precision_sums_in_float32() -> None:
    experiment = Experiment(make_model("llama", torch.bfloat16), TASK)
    result = experiment.patch(Patch("L1.H2.pattern@-1", cut(2)))
    row = result.pattern("L1.H2").sel(run="patched").values[-1]
    assert row[2] == 0
    assert abs(row.sum() - 1) < 0.01


def test_cuts_that_mean_nothing(experiment: Experiment) -> None:
    for site, source, error, says in (
        ("L1.H2.pattern@3", cut(5), PatchError, "key 5 comes after query 3, so there is nothing"),
        ("L1.H2.pattern@1:4", cut(6), PatchError, "key 6 comes after every query of the patch"),
        ("L1.H2.pattern@0", cut(0), PatchError, "query 0 sees only the keys up to itself, and all"),
        ("L1.H2.pattern@2", cut("0:3"), PatchError, "query 2 sees only .*'L1.H2.pattern@3:'"),
        ("L1.H2.pattern", cut(0, renormalise=False), PatchError, "as in 'L1.H2.pattern@1:'"),
        ("L1.H2.pattern@-1", cut("verb"), SiteError, "names no position 'verb'"),
        ("L1.H2.pattern@-1", cut(7), SiteError, "Position 7 is out of range"),
        ("L1.H2", cut(1), PatchError, "it goes into a pattern"),
    ):
        with pytest.raises(error, match=says):
            experiment.patch(Patch(site, source))


def test_a_family_without_patterns_says_why() -> None:
    experiment = Experiment(make_model("codegen"), TASK)
    reason = experiment.model.refused["pattern"]
    for ask in (
        lambda: experiment.patch(Patch("L1.H2.pattern@-1", cut(1))),
        lambda: experiment.patch().pattern("L1.H2"),
        lambda: experiment.clean.pattern("L1.H2"),
    ):
        with pytest.raises(RefusedError) as caught:
            ask()
        assert reason in str(caught.value)


# ---- reading ----------------------------------------------------------------------------------------


def test_the_pattern_of_a_run_is_the_hand_written_one(toy: Model) -> None:
    text = str(TASK.clean)
    _, expected = by_hand(toy, text, unchanged)
    run = toy.run(text)
    pattern = run.pattern("L1.H2")
    assert pattern.dims == ("query", "key")
    assert np.abs(pattern.values - expected[2].numpy()).max() < 1e-6
    assert [token.strip() for token in pattern["key_token"].values] == text.split()
    every = run.pattern("L1.pattern")
    assert every.dims == ("head", "query", "key")
    assert np.abs(every.values - expected.numpy()).max() < 1e-6
    assert run.pattern("L1.z").equals(every)
    assert run.pattern("L1.H2.pattern").equals(pattern)


def test_three_runs_and_their_difference(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1", "L1.H2.q@4")
    pattern = result.pattern("L1.H2")
    assert pattern.dims == ("run", "query", "key")
    assert pattern["run"].values.tolist() == ["clean", "patched", "corrupted", "difference"]
    for name, run in (("clean", experiment.clean), ("corrupted", experiment.corrupted)):
        assert np.array_equal(pattern.sel(run=name).values, run.pattern("L1.H2").values)
        tokens = pattern.sel(run=name)["query_token"].values
        assert tokens.tolist() == run.pattern("L1.H2")["query_token"].values.tolist()
    difference = pattern.sel(run="patched") - pattern.sel(run="corrupted")
    assert np.array_equal(difference.values, pattern.sel(run="difference").values)
    assert np.abs(difference.values[4]).max() > 1e-2
    assert pattern.sel(run="patched")["key_token"].values[2].strip() == "w42"
    flipped = experiment.flip().patch("L0.H1").pattern("L1.pattern")
    assert flipped.dims == ("run", "head", "query", "key")
    of_clean = flipped.sel(run="patched") - flipped.sel(run="clean")
    assert np.array_equal(of_clean.values, flipped.sel(run="difference").values)
    rows = experiment.patch("L1.pattern").pattern("L1.pattern")
    gap = rows.sel(run="patched").values - rows.sel(run="clean").values
    assert np.abs(gap).max() < 1e-6


def test_several_pairs_of_one_length(toy: Model) -> None:
    task = Task(["w3 w14 w15", "w5 w6 w7"], ["w3 w14 w25", "w5 w6 w9"], " w8", " w9")
    experiment = Experiment(toy, task)
    pattern = experiment.patch("L0.H1").pattern("L1.H2")
    assert pattern.dims == ("run", "pair", "query", "key")
    assert pattern.shape == (4, 2, 3, 3)
    alone = experiment.patch("L0.H1").pattern("L1.H2", pair=1)
    assert np.array_equal(alone.values, pattern.sel(pair=1).values)
    both = experiment.corrupted.pattern("L1.H2")
    assert both.dims == ("pair", "query", "key")
    for i in range(2):
        _, expected = by_hand(toy, str(task.corrupted[i]), unchanged)
        assert np.abs(both.sel(pair=i).values - expected[2].numpy()).max() < 1e-6
    with pytest.raises(TaskError, match="There is no pair 2; expected 0 to 1, or None for all"):
        experiment.clean.pattern("L1.H2", pair=2)


def test_a_pair_whose_prompts_differ_in_length(toy: Model) -> None:
    experiment = Experiment(toy, unequal_task())
    pattern = experiment.patch("L0.H1").pattern("L1.H2")
    assert pattern.shape == (4, 7, 7)
    clean = pattern.sel(run="clean")
    assert np.isnan(clean.values[6]).all()
    assert np.isnan(clean.values[:, 6]).all()
    assert clean["key_token"].values[6] == ""
    assert np.array_equal(clean.values[:6, :6], experiment.clean.pattern("L1.H2").values)
    assert not np.isnan(pattern.sel(run="difference").values).any()


def test_a_pattern_over_draws_is_their_mean(toy: Model) -> None:
    task = Task(
        ["w3 w14 w15", "w5 w6 w7", "w1 w2 w4"], ["w3 w14 w25", "w5 w6 w9", "w1 w2 w6"], " w8", " w9"
    )
    experiment = Experiment(toy, task)
    whole = [experiment.corrupted.pattern("L1.H2", pair=i).values for i in range(3)]
    drawn = experiment.patch(Patch("L1.resid_pre", pw.sources.resample(n=2, seed=0)))
    found = drawn.pattern("L1.H2", pair=0).sel(run="patched").values
    assert np.abs(found - (whole[1] + whole[2]) / 2).max() < 1e-6


def test_what_has_no_pattern(experiment: Experiment) -> None:
    for site, says in (
        ("L1.mlp_out", "L1.mlp_out has no attention pattern; name a head, as in 'L9.H6'"),
        ("L1.H2@-1", r"leave the position out .*pattern\('L1.H2'\).sel\(query=3\)"),
        ("L9.H2", "layer 9 is out of range"),
        ("L1.H9", "head 9 is out of range"),
    ):
        for ask in (experiment.patch().pattern, experiment.clean.pattern):
            with pytest.raises(SiteError, match=says):
                ask(site)
