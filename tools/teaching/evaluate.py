"""Accuracy of every family of tasks on one part of the data."""

from collections.abc import Iterator
from random import Random

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from patchwidgets.tasks import words
from patchwidgets.tasks.repeats import induction
from patchwidgets.tasks.split import Split, part_of
from tools.teaching.mixture import MODULI, Example, names

ROWS = 1024
YEAR_TOKENS = tuple(f"{year:02d}" for year in range(100))


def accuracies(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, part: Split
) -> dict[str, float]:
    """Compute the share of correct answers of each family, from 0 to 1.

    An answer is correct if it has the highest logit of all tokens. In the family of years, a prompt counts as correct
    if the later years are together more probable than the others.
    """
    shares = {
        f"accuracy/{family}": accuracy(model, tokenizer, list(cases))
        for family, cases in families(part).items()
    }
    return shares | {"accuracy/years": prefers_later_years(model, tokenizer, part)}


def families(part: Split) -> dict[str, Iterator[Example]]:
    """List every case of a part for the families of numbers, and 1,000 each of sentences and repeated sequences."""
    return {
        "addition": ((f"{a}+{b}=", str(a + b)) for a, b in pairs(part)),
        "subtraction": ((f"{a}-{b}=", str(a - b)) for a, b in pairs(part) if a >= b),
        "modular_addition": (
            (f"{a}+{b} mod {k}=", str((a + b) % k)) for a, b in pairs(part) for k in MODULI
        ),
        "remainder": (
            (f"{a} mod {k}=", str(a % k))
            for a in range(100)
            for k in MODULI
            if part_of(a, f"mod {k}") == part
        ),
        "names": sentences(part),
        "repeated": repeats(part),
    }


def pairs(part: Split) -> list[tuple[int, int]]:
    return [(a, b) for a in range(100) for b in range(100) if part_of(a, b) == part]


def sentences(part: Split) -> Iterator[Example]:
    rng = Random(f"names {part}")
    return (names(rng, part) for _ in range(1000))


def repeats(part: Split) -> Iterator[Example]:
    task = induction(1000, seed={"train": 0, "validation": 1, "test": 2}[part])
    return (
        (str(prompt), str(answer)) for prompt, answer in zip(task.clean, task.answer, strict=True)
    )


def accuracy(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, cases: list[Example]
) -> float:
    n_correct = 0
    for prompts, answers in by_length(tokenizer, cases):
        n_correct += int((last_logits(model, prompts).argmax(-1) == answers).sum())
    return n_correct / len(cases)


def by_length(
    tokenizer: PreTrainedTokenizerFast, cases: list[Example]
) -> Iterator[tuple[Int[Tensor, "row pos"], Int[Tensor, "row"]]]:
    """Group prompts of equal length: their ids and the ids of their answers."""
    rows = [tokenizer(prompt + answer)["input_ids"] for prompt, answer in cases]
    for length in sorted({len(row) for row in rows}):
        ids = torch.tensor([row for row in rows if len(row) == length])
        yield ids[:, :-1], ids[:, -1]


def prefers_later_years(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, part: Split
) -> float:
    """Compute the share of prompts with P(later years) > P(other years)."""
    starts = [
        (c, y) for c in words.CENTURIES for y in range(1, 99) if part_of(c, f"year {y}") == part
    ]
    cases = [(event, c, y) for event in words.EVENTS for c, y in starts]
    prompts = [
        words.YEAR_TEMPLATE.format(event=event, century=c, year=f"{y:02d}") for event, c, y in cases
    ]
    probs = last_logits(model, torch.tensor(tokenizer(prompts)["input_ids"])).softmax(-1)
    probs = probs[:, tokenizer.convert_tokens_to_ids(list(YEAR_TOKENS))]
    later = torch.arange(100) > torch.tensor([y for *_, y in cases])[:, None]
    difference = (probs * later).sum(-1) - (probs * ~later).sum(-1)
    return float((difference > 0).float().mean())


@torch.no_grad()
def last_logits(
    model: LlamaForCausalLM, ids: Int[Tensor, "row pos"]
) -> Float[Tensor, "row vocabulary"]:
    """Compute the logits at the last position."""
    return torch.cat([model(rows, logits_to_keep=1).logits[:, -1] for rows in ids.split(ROWS)])
