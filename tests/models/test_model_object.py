"""The user's model object: its flags come back, and a state in which nothing can be patched is refused."""

import pytest
import torch

from patchwidgets.errors import (
    ModelError,
)
from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


def test_training_flags_come_back_and_dropout_stays_off() -> None:
    hf_model = random_model("gpt2", resid_pdrop=0.5)
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.train()
    hf_model.transformer.h[1].eval()
    flags = [module.training for module in hf_model.modules()]
    assert torch.equal(model.run("w1 w2").logits, model.run("w1 w2").logits)
    assert [module.training for module in hf_model.modules()] == flags


def test_active_gradient_checkpointing_is_refused() -> None:
    hf_model = random_model("llama")
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.gradient_checkpointing_enable()
    hf_model.train()
    with pytest.raises(ModelError, match="gradient_checkpointing_disable"):
        model.run("w1 w2")


def test_logits_that_are_not_finite() -> None:
    hf_model = random_model("llama")
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(ModelError, match="not finite, because weights are not: lm_head"):
        model.run("w1 w2")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_only_where_a_wider_dtype_would_help_it_is_advised(dtype: torch.dtype) -> None:
    hf_model = random_model("llama").to(dtype)
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.model.norm.weight.data.fill_(1000)
    hf_model.lm_head.weight.data[5] = torch.finfo(dtype).max
    with pytest.raises(
        ModelError, match=f"not finite in {dtype}, although its weights are"
    ) as caught:
        model.run("w1 w2")
    assert ("dtype='float32'" in str(caught.value)) == (dtype == torch.float16)
    assert ("with hooks of your own" in str(caught.value)) == (dtype == torch.float32)
