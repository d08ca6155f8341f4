"""Prompts of unequal token counts: datasets, answers of several tokens, metrics at positions, a real model."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import patchwidgets as pw
from patchwidgets.directions import Direction
from patchwidgets.errors import CounterpartError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import (
    ALIGN,
    CLEAN,
    CORRUPTED,
    DIRECTIONS,
    FLOOR,
    PAIRS,
    ids,
    unequal_pairs,
    unequal_task,
)


@pytest.fixture(scope="module")
def toy() -> Model:
    return make_model("llama")


@pytest.fixture(scope="module")
def experiment(toy: Model) -> Experiment:
    return Experiment(toy, unequal_task(), ["logit_diff", "kl"])


def test_a_tensor_is_cut_by_pairs_only_where_it_has_the_axes_of_the_site(toy: Model) -> None:
    """A tensor [pos, d] with as many positions as there are pairs serves every pair, in patches and in sweeps."""
    task = Task(["w3 w14", "w5 w6"], ["w3 w15", "w5 w7"], " w8", " w9")
    exp = Experiment(toy, task)
    tensor = torch.randn(2, 32)
    patch = Patch("L0.mlp_out", tensor)
    expected = exp.patch(Patch("L0.mlp_out", tensor[None].expand(2, -1, -1).clone()))
    assert torch.equal(exp.patch(patch).logits, expected.logits)
    swept = exp.sweep(sites=[patch], progress=False).to_xarray()["value"].values[0, 0]
    assert swept == pytest.approx(expected.per_pair.value, abs=FLOOR)
    heads = torch.randn(2, 4, 8)
    whole = exp.patch(Patch("L0.z", heads[None].expand(2, -1, -1, -1).clone()))
    assert torch.equal(exp.patch(Patch("L0.z", heads)).logits, whole.logits)


@pytest.fixture(scope="module")
def dataset(toy: Model) -> Experiment:
    return Experiment(toy, unequal_pairs(), ["logit_diff", "kl"])


def test_pairs_that_run_together_have_the_same_shape(dataset: Experiment) -> None:
    rows = [[0, 3], [1], [2], [4]]
    assert [batch.rows for batch in dataset.clean.batches] == rows
    assert [batch.rows for batch in dataset.corrupted.batches] == rows


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("site", ["L1.H2", "L0.mlp_out@-1", "L1.resid_pre"])
def test_a_dataset_is_its_pairs_one_by_one(
    dataset: Experiment, site: str, direction: Direction
) -> None:
    together = dataset.turned(direction).patch(site)
    alone = [
        Experiment(dataset.model, dataset.task.pair(i), direction=direction).patch(site).effect
        for i in range(len(PAIRS))
    ]
    assert together.per_pair.effect == pytest.approx(alone, abs=2 * FLOOR)
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt"):
        dataset.patch("L1.H2@2")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_answers_of_several_tokens(toy: Model, direction: Direction) -> None:
    task = Task(CLEAN, CORRUPTED, " w8 w10 w11", " w9 w12", align=ALIGN)
    exp = Experiment(toy, task, direction=direction)
    there, here = (3, 4) if direction == "denoise" else (4, 3)
    patch = Patch(f"L1.mlp_out@{here}", exp.source[f"L1.mlp_out@{there}"])
    totals = []
    for answer in ([8, 10, 11], [9, 12]):
        text, total = list(exp.pairs[0].prompt(exp.host_name)), 0.0
        for token in answer:
            with toy.patching(patch), torch.no_grad():
                logits = toy.hf_model(torch.tensor([text]), use_cache=False).logits[0, -1]
            total += float(logits.log_softmax(-1)[token])
            text.append(token)
        totals.append(total)
    assert exp.patch("L1.mlp_out@3").value == pytest.approx(totals[0] - totals[1], abs=1e-3)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_name_of_two_tokens_on_smollm2(smollm2: Model, direction: Direction) -> None:
    task = Task(
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and Timothy Lee went to the store, Mary gave a drink to",
        " Mary",
        " John",
        {"S2": "John"},
    )
    task = task.aligned(pw.propose_alignment(smollm2, task))
    exp = Experiment(smollm2, task, direction=direction)
    assert exp.pairs[0].positions == {"S2": 9}
    assert exp.pairs[0].columns == (
        *((i, i) for i in range(3)),
        *((i, i + 1) for i in range(3, 14)),
    )
    runs = {"clean": exp.pairs[0].clean, "corrupted": exp.pairs[0].corrupted}
    source = "clean" if direction == "denoise" else "corrupted"
    block = smollm2.hf_model.model.layers[23]
    held: list[Tensor] = []
    with torch.no_grad():
        keep = block.self_attn.o_proj.register_forward_pre_hook(lambda _m, a: held.append(a[0]))
        smollm2.hf_model(torch.tensor([runs.pop(source)]))
        keep.remove()

        def write(_module: nn.Module, args: Any) -> Any:
            changed, head = args[0].clone(), slice(3 * 64, 4 * 64)
            for clean, corrupted in exp.pairs[0].columns:
                there, here = (clean, corrupted) if source == "clean" else (corrupted, clean)
                changed[:, here, head] = held[0][:, there, head]
            return (changed,)

        handle = block.self_attn.o_proj.register_forward_pre_hook(write)
        logits = smollm2.hf_model(torch.tensor([next(iter(runs.values()))])).logits[0, -1]
        handle.remove()
    assert torch.allclose(exp.patch("L23.H3").logits[0], logits, atol=1e-3)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_metric_is_read_at_the_counterpart(experiment: Experiment, direction: Direction) -> None:
    names = ["answer_logit@X", "kl@X", "answer_logit@3:6"]
    turned = experiment.turned(direction).measuring(names)
    with torch.no_grad():
        clean, corrupted = (
            experiment.model.hf_model(ids(text)).logits[0].float() for text in (CLEAN, CORRUPTED)
        )
    kl = (clean[3].softmax(-1) * (clean[3].log_softmax(-1) - corrupted[4].log_softmax(-1))).sum()
    read = {
        "clean": (clean[3, 8], 0.0, clean[3:6, 8].mean()),
        "corrupted": (corrupted[4, 8], kl, corrupted[4:7, 8].mean()),
    }
    for name, run in (("clean", turned.clean), ("corrupted", turned.corrupted)):
        expected = pytest.approx([float(value) for value in read[name]], abs=1e-5)
        assert [run.values[metric] for metric in names] == expected
    assert turned.patch().effect == 0
    assert turned.patch("L0.resid_pre@4").effect == 0
    assert abs(turned.patch("L0.resid_pre@1", "L1.mlp_out@3").effect) > 100 * FLOOR


def test_a_metric_at_a_position_without_a_counterpart_is_refused(experiment: Experiment) -> None:
    with pytest.raises(CounterpartError, match="kl@lone: Position 2 of the clean prompt has no"):
        experiment.measuring("kl@lone")
