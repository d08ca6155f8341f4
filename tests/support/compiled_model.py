"""A transformer compiled by hand into the weights of a GPT-2 without norms: its circuit is known.

After a first word it completes ``A B C A`` by ``B``. L0.H0 looks at the token before and writes it down; L1.H1 looks
for a place whose token before is the current one and copies the token of that place; the MLP of layer 1 turns the copy
into the answer. Everything else reads tokens, positions and junk, and writes junk, of which no answer is made.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from patchwidgets.models.model import Model
from tests.support.toy_tokenizer import toy_tokenizer

V, N_POS, D_HEAD, N_HEADS = 8, 6, 16, 3
D = D_HEAD * N_HEADS
TOKEN, POSITION, BEFORE, COPY, ANSWER, JUNK = (
    range(8),
    range(8, 14),
    range(14, 22),
    range(22, 30),
    range(30, 38),
    range(38, 48),
)
SHARP = 400.0

TRUE_EDGES = (
    "embed->L0.H0.v",
    "L0.H0->L1.H1.k",
    "embed->L1.H1.q",
    "embed->L1.H1.v",
    "L1.H1->L1.mlp_in",
    "L1.mlp_out->logits",
)
"""Edges that bring the tokens. Those that bring positions have nothing to ablate: both prompts have the same."""


def compiled_model() -> Model:
    """The model, with words ``w0`` to ``w7``."""
    config = GPT2Config(
        vocab_size=V,
        n_positions=N_POS,
        n_embd=D,
        n_layer=2,
        n_head=N_HEADS,
        n_inner=2 * V,
        activation_function="relu",
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    hf_model = GPT2LMHeadModel(config).eval()
    for parameter in hf_model.parameters():
        parameter.data.zero_()
    transformer: Any = hf_model.transformer
    transformer.ln_f = nn.Identity()
    for block in transformer.h:
        block.ln_1, block.ln_2 = nn.Identity(), nn.Identity()
    _one_to_one(transformer.wte.weight.data, range(V), TOKEN)
    _one_to_one(transformer.wpe.weight.data, range(N_POS), POSITION)
    _one_to_one(hf_model.lm_head.weight.data, range(V), ANSWER)
    first, second = transformer.h
    _attend(first, 0, list(POSITION)[1:], list(POSITION)[:-1], TOKEN, BEFORE)
    _attend(second, 1, list(TOKEN), list(BEFORE), TOKEN, COPY)
    _one_to_one(second.mlp.c_fc.weight.data, COPY, range(V), 2.0)
    second.mlp.c_fc.bias.data[:V] = -0.5
    _one_to_one(second.mlp.c_proj.weight.data, range(V), ANSWER, 3.0)
    for number, (layer, head) in enumerate([(0, 1), (0, 2), (1, 0), (1, 2)]):
        _distract(transformer.h[layer], head, number)
    for number, block in enumerate((first, second)):
        block.mlp.c_fc.weight.data[:, V:] = _waves((D, V), 11 + number)
        block.mlp.c_proj.weight.data[V:, list(JUNK)] = _waves((V, len(JUNK)), 13 + number)
    return Model(hf_model, toy_tokenizer(V), "compiled")


def _one_to_one(weight: Tensor, rows: Any, columns: Any, value: float = 1.0) -> None:
    weight[list(rows), list(columns)] = value


def _attend(
    block: Any, head: int, queries: list[int], keys: list[int], read: range, write: range
) -> None:
    """Let a head look where keys hold what queries hold, and copy what is there."""
    qkv, start = block.attn.c_attn.weight.data, head * D_HEAD
    for i, (query, key) in enumerate(zip(queries, keys, strict=True)):
        qkv[query, start + i] = SHARP
        qkv[key, D + start + i] = 1.0
    for i, (source, target) in enumerate(zip(read, write, strict=True)):
        qkv[source, 2 * D + start + i] = 1.0
        block.attn.c_proj.weight.data[start + i, target] = 1.0


def _distract(block: Any, head: int, number: int) -> None:
    """Let a head read everything and write junk."""
    qkv, of_head = block.attn.c_attn.weight.data, range(head * D_HEAD, (head + 1) * D_HEAD)
    for part in range(3):
        columns = [part * D + i for i in of_head]
        qkv[:, columns] = _waves((D, D_HEAD), 3 * number + part)
    block.attn.c_proj.weight.data[of_head.start : of_head.stop, list(JUNK)] = _waves(
        (D_HEAD, len(JUNK)), 20 + number
    )


def _waves(shape: tuple[int, int], number: int) -> Tensor:
    places = torch.arange(shape[0] * shape[1], dtype=torch.float64)
    return torch.sin(places * (1.3 + 0.17 * number) + number).float().view(shape)
