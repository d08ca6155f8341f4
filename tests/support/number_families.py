"""Random GPT-J and GPT-NeoX models of tiny widths, with vocabularies of the real sizes in which numbers are tokens."""

from typing import Any

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import (
    GPTJConfig,
    GPTJForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    PreTrainedTokenizerFast,
)

import patchwidgets as pw
from patchwidgets.models.model import Model

VOCABULARIES = {"gptj": (50_400, 520), "gpt_neox": (50_432, 530)}
"""The size of the output embedding, and the last number that is one token: of GPT-J and of Pythia 6.9B."""

WORDS = (
    "plus",
    "minus",
    "times",
    "is",
    "Output",
    "ONLY",
    "a",
    "number.",
    "The",
    "sum",
    "of",
    "and",
    "?",
)
LAYERS, HEADS, WIDTH = 2, 3, 24


def number_tokenizer(size: int, last: int) -> PreTrainedTokenizerFast:
    """Numbers up to `last`, digits, signs and a few words are one token each; none stands at the beginning.

    A larger number is one unknown token for its digits, as if it were several.
    """
    known = ["<unk>", *map(str, range(last + 1)), *"+-*/=,:", *WORDS]
    known += [f"w{i}" for i in range(size - len(known))]
    tokenizer = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(known)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[A-Za-z.?]+|\d+|[-+*/=,:]| "), "isolated"),
            pre_tokenizers.Split(Regex(" "), "removed"),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def number_family(family: str) -> Model:
    """A model of the family, with all of its weights random."""
    vocabulary, last = VOCABULARIES[family]
    torch.manual_seed(0)
    hf_model: Any
    if family == "gptj":
        hf_model = GPTJForCausalLM(
            GPTJConfig(
                vocab_size=vocabulary, n_positions=32, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_inner=40,
                rotary_dim=4,
            )
        )  # fmt: skip
    else:
        hf_model = GPTNeoXForCausalLM(
            GPTNeoXConfig(
                vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=40, num_hidden_layers=LAYERS,
                num_attention_heads=HEADS, max_position_embeddings=32,
            )
        )  # fmt: skip
    for parameter in hf_model.parameters():
        parameter.data.normal_(0.0, 0.3)
    return pw.wrap(hf_model.eval(), number_tokenizer(vocabulary, last), name=family)
