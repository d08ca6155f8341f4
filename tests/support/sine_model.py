"""A small GPT-2 whose weights are sines of their places, the same on every machine and in every version of torch."""

from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from tests.support.families import VOCABULARY


def sine_gpt2() -> Any:
    """2 layers of 3 heads of width 4."""
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=16, n_embd=12, n_layer=2, n_head=3, n_inner=20
    )
    model = GPT2LMHeadModel(config).eval()
    for number, (name, parameter) in enumerate(model.named_parameters()):
        places = torch.arange(parameter.numel(), dtype=torch.float64)
        values = torch.sin(places * (1.7 + 0.31 * number) + number)
        around = 1.0 if "ln_" in name and name.endswith("weight") else 0.0
        parameter.data = (around + 0.5 * values).float().view_as(parameter)
    return model
