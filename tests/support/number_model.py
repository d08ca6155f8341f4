"""A random model whose number embeddings are a helix."""

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import patchwidgets as pw
from patchwidgets import helix
from patchwidgets.models.model import Model
from tools.teaching.vocabulary import build_tokenizer

LAYERS, HEADS = 3, 2


def number_model() -> Model:
    """A Llama with this tokenizer of numbers; its other weights are random."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        initializer_range=0.3,
    )
    hf_model = LlamaForCausalLM(config).eval()
    directions = np.random.default_rng(0).standard_normal((len(helix.HELIX), 24))
    ids = tokenizer.convert_tokens_to_ids([f"▁{n}" for n in helix.NUMBERS])
    with torch.no_grad():
        hf_model.model.embed_tokens.weight[ids] = torch.tensor(
            helix.HELIX.features(helix.NUMBERS) @ directions, dtype=torch.float32
        )
    return pw.wrap(hf_model, tokenizer, name="random")
