"""Mixtures of experts whose choices depend on what runs beside them, or on chance, are refused."""

import pytest
import torch

from patchwidgets.errors import ModelError, VerificationError
from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


def test_a_limit_of_tokens_per_expert_is_refused() -> None:
    hf_model = random_model("mixtral")
    hf_model.config.expert_capacity = 4
    with pytest.raises(ModelError, match=r"expert_capacity = 4.*runs beside it"):
        Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.config.expert_capacity = None
    hf_model.config.moe_token_drop = False
    Model(hf_model, toy_tokenizer(VOCABULARY))
    dense = random_model("llama")
    dense.config.expert_capacity = 4
    Model(dense, toy_tokenizer(VOCABULARY))


def test_jitter_of_training_is_off_and_any_other_is_found_at_load() -> None:
    hf_model = random_model("mixtral", router_jitter_noise=0.5).train()
    assert Model(hf_model, toy_tokenizer(VOCABULARY)).checks.passed
    assert hf_model.training
    for block in hf_model.model.layers:
        block.mlp.gate.register_forward_pre_hook(
            lambda _m, args: (args[0] * (1 + 0.5 * torch.rand_like(args[0])),)
        )
    with pytest.raises(VerificationError, match="causal"):
        Model(hf_model, toy_tokenizer(VOCABULARY))
