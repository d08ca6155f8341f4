"""A transformer in which everything is linear, so that gradients tell the exact effect of every patch and edge."""

import torch
from torch import nn

from patchwidgets.models.model import Model
from tests.support.families import D_MODEL, VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


def linear_model() -> Model:
    """A GPT-2 without norms and non-linearity, in which every head attends to all positions alike."""
    hf_model = random_model("gpt2", torch.float64, activation_function="linear")
    hf_model.transformer.ln_f = nn.Identity()
    for block in hf_model.transformer.h:
        block.ln_1, block.ln_2 = nn.Identity(), nn.Identity()
        block.attn.c_attn.weight.data[:, : 2 * D_MODEL] = 0
        block.attn.c_attn.bias.data[: 2 * D_MODEL] = 0
    return Model(hf_model, toy_tokenizer(VOCABULARY), "linear")
