"""What a model cannot read, and numbers that are none: each is told as what it is."""

from typing import Any

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import AnswerError, ModelError, ModelWarning, PatchError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from tests.support.families import CASES, VOCABULARY, random_model
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

LONG = " ".join(f"w{3 + i % 50}" for i in range(70))
"""Six tokens more than these models have positions for."""
WITH_TABLE = {"codegen", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "opt"}
"""Families whose positions are rows of a table."""
TASK = pw.Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")


@pytest.mark.parametrize("case", CASES)
def test_a_prompt_beyond_the_models_positions(case: str, recwarn: pytest.WarningsRecorder) -> None:
    """Refused where the model has a table of positions; where it goes on, it warns, and the numbers are the model's."""
    model = make_model(case)
    if case.partition(",")[0] in WITH_TABLE:
        with pytest.raises(TaskError, match=r"has 70 tokens.* has positions for 64\. Shorten it"):
            model.run(LONG)
        with pytest.raises((IndexError, RuntimeError)):
            model.hf_model(torch.tensor([model.encode(LONG)]))
        return
    found = model.run(LONG).logits
    with torch.no_grad():
        plain = model.hf_model(torch.tensor([model.encode(LONG)]), use_cache=False).logits[:, -1]
    assert torch.allclose(found, plain.float(), atol=1e-3)
    knows = getattr(model.hf_model.config.get_text_config(), "max_position_embeddings", None)
    told = [each for each in recwarn if "was made for 64" in str(each.message)]
    assert len(told) == (knows == 64)


def test_the_experiment_warns_too(recwarn: pytest.WarningsRecorder) -> None:
    model = make_model("llama")
    task = pw.Task(f"{LONG} w3 w4", f"{LONG} w5 w4", " w8", " w9")
    experiment = Experiment(model, task)
    assert experiment.warnings[-1] == (
        "A prompt has 72 tokens and llama was made for 64: beyond them it may not do what it does elsewhere."
    )
    experiment.patch("L1.H1")
    told = [each for each in recwarn if "was made for 64" in str(each.message)]
    assert [(each.category, each.filename) for each in told] == [(ModelWarning, __file__)]


def test_a_tokenizer_larger_than_the_model() -> None:
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY + 5), "small")
    with pytest.raises(TaskError, match=r"id 63 is not among the 61 tokens of small: the tokenize"):
        model.run("w3 w63")
    for answer, foil in ((" w62", " w9"), (" w8", " w62"), (" w8 w62", " w9 w9")):
        with pytest.raises(AnswerError, match=r"id 62 is not among.*resize_token_embeddings"):
            Experiment(model, pw.Task(TASK.clean, TASK.corrupted, answer, foil))


def test_a_token_beyond_the_tokenizer_has_a_name() -> None:
    model = Model(random_model("llama"), toy_tokenizer(40))
    shown = [top.token for top in model.run("w3 w14").top_tokens(VOCABULARY)]
    assert "None" not in shown
    assert "<60>" in shown


def unused_vocabulary(case: str = "llama") -> Model:
    """Tokens 50 to 60 are never predicted: their logits are −inf, in every pass."""
    hf_model = random_model(case)
    head = hf_model.lm_head
    head.bias = torch.nn.Parameter(torch.zeros(VOCABULARY))
    head.bias.data[50:] = -float("inf")
    return Model(hf_model, toy_tokenizer(VOCABULARY), case)


METRICS = ["logit_diff", "kl", "answer_logprob", "answer_prob", "prob_diff", "rank", "answer_logit"]


def test_unused_vocabulary_changes_no_number() -> None:
    """−inf for unused tokens gives what a very low logit gives."""
    model, low = unused_vocabulary(), unused_vocabulary()
    low.hf_model.lm_head.bias.data[50:] = -1000.0
    one, other = (Experiment(each, TASK, METRICS) for each in (model, low))
    assert (one.clean.logits[:, 50:] == -float("inf")).all()
    for site in ("L1.H2", "L0.mlp_out@2"):
        found, expected = one.patch(site), other.patch(site)
        for name in METRICS:
            assert found[name].effect == pytest.approx(expected[name].effect, abs=1e-6)
            assert one.measurements.noise_floor[name] == other.measurements.noise_floor[name] or (
                one.measurements.noise_floor[name] < 1e-3
            )
    grids = [each.sweep("z", progress=False).effect.values for each in (one, other)]
    assert abs(grids[0] - grids[1]).max() < 1e-5


def test_logits_that_are_never_numbers() -> None:
    model = unused_vocabulary()
    model.hf_model.lm_head.bias.data[:] = -float("inf")
    with pytest.raises(ModelError, match=r"because weights are not: lm_head\.bias"):
        model.run("w3 w14")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_source_or_fn_that_is_not_finite_is_told_as_such(
    bad: float, toy_experiment: Experiment
) -> None:
    source = torch.full((32,), bad)
    for patch, what in (
        (pw.Patch("L1.mlp_out@-1", source=source), "source"),
        (pw.Patch("L1.mlp_out@-1", fn=lambda host, _source: host * bad), "result of fn"),
    ):
        expected = f"32 of the 32 numbers of the {what} are NaN or infinite in float32"
        with pytest.raises(PatchError, match=f"L1.mlp_out@-1: {expected}; give finite ones"):
            toy_experiment.patch(patch)
    with (
        pytest.raises(PatchError, match="of the source are NaN"),
        toy_experiment.model.patching(pw.Patch("L1.mlp_out@-1", source=source)),
    ):
        toy_experiment.model.hf_model(torch.tensor([toy_experiment.pairs[0].clean]))


def test_finite_numbers_that_are_too_large(toy_experiment: Experiment) -> None:
    huge = [pw.Patch(site, source=torch.tensor(1e30)) for site in ("L1.H1.q", "L1.KV0.k")]
    with pytest.raises(PatchError, match=r"are finite, but too large\. Check its source and fn"):
        toy_experiment.patch(*huge)


def test_a_broken_weight_is_named() -> None:
    model = make_model("llama")
    broken: Any = model.hf_model.model.layers[1].mlp.up_proj.weight
    broken.data[3, 4] = float("nan")
    with pytest.raises(
        ModelError, match=r"because weights are not: model\.layers\.1\.mlp\.up_proj"
    ):
        model.run("w3 w14")
