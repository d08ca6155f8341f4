"""Experiments of models of any size, with tokens of any kind, whose weights are random: figures need no more."""

from collections.abc import Sequence

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

LONG = ("internationalisation", "x" * 20, "Donaudampfschifffahrt", "incomprehensibilities")
CHINESE = ("東京は日本の首都", "大阪", "서울특별시", "国際化対応文字列")


def experiment_of(
    layers: int, heads: int, clean: str, corrupted: str, extra: Sequence[str] = ()
) -> Experiment:
    """An experiment on a small random model with so many layers and heads, which reads `extra` as single tokens."""
    from tokenizers import AddedToken

    width = 8 if heads <= 16 else 2
    sizes = {"num_hidden_layers": layers, "num_attention_heads": heads, "head_dim": width}
    hf_model = random_model(
        "llama", hidden_size=heads * width, num_key_value_heads=heads // 2, max_position_embeddings=300, **sizes
    )  # fmt: skip
    for parameter in hf_model.parameters():
        parameter.data.mul_(0.5)
    tokenizer = toy_tokenizer(VOCABULARY - len(extra))
    tokenizer.add_tokens([AddedToken(each, normalized=False) for each in extra])
    # Deep random models grow beyond what float32 can hold when they are checked.
    model = Model(hf_model, tokenizer, f"{layers} x {heads}", verify="off")
    return Experiment(model, pw.Task(clean, corrupted, " w8", " w9"))


def large() -> Experiment:
    return experiment_of(80, 64, "w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26")


def middle() -> Experiment:
    return experiment_of(30, 10, "w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26")


def long_prompt() -> Experiment:
    clean = [f"w{7 * i % 50 + 1}" for i in range(200)]
    corrupted = [*clean[:120], "w58", *clean[121:]]
    return experiment_of(4, 4, " ".join(clean), " ".join(corrupted))


def long_tokens() -> Experiment:
    words = ["w1", LONG[0], LONG[2], "w5", LONG[3], "w7"]
    return experiment_of(6, 4, " ".join(words), " ".join([*words[:2], LONG[1], *words[3:]]), LONG)


def chinese() -> Experiment:
    return experiment_of(
        6, 4, f"w1{CHINESE[0]}{CHINESE[1]} w5", f"w1{CHINESE[3]}{CHINESE[1]} w5", CHINESE
    )
