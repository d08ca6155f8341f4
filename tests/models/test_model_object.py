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
    with pytest.raises(ModelError, match="not finite"):
        model.run("w1 w2")
