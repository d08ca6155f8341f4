"""Text to fit a lens on: of the teaching model the prompts of its tasks, of any other what it writes itself.

Nothing is downloaded. Costs one pass per token that a model writes: 2 s for 64 tokens of SmolLM2.
"""

from collections.abc import Sequence
from random import Random

import torch
from transformers import DynamicCache

from patchwidgets.models.forward import running
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task, addition, greater_than, induction, ioi, modular, subtraction

OPENINGS = (
    "The history of",
    "In the middle of the night,",
    "Scientists have found that",
    "Dear Sir or Madam,",
    "The recipe begins with",
    "Once upon a time there was",
    "According to the report,",
    "How do I",
    "The first step is to",
    "My grandmother used to say",
    "On Monday the city council",
    "Water is",
    "def main():",
    "She opened the door and",
    "The theorem states that",
    "Travellers who visit",
    "Our company offers",
    "The patient was",
    "In 1848,",
    "A good way to learn",
    "The judge said that",
    "Birds that live near the sea",
    "Question: What is",
    "The team won the game because",
    "It was raining when",
    "Most people believe that",
    "The new law",
    "To grow tomatoes, you need",
    "The painter's last work",
    "If the temperature rises,",
    "He had never seen",
    "The price of oil",
)
"""How the texts that a model writes begin: of many kinds, so that the average is over many kinds."""


def teaching_texts(n: int, seed: int = 0) -> list[str]:
    """Return `n` prompts of the teaching model's tasks with their answers, as many of each task as of any other.

    All come from the part of the data that it was trained on.
    """
    each, seeds = (
        -(-n // 7),
        iter(range(7 * seed, 7 * seed + 7)),
    )  # no two tasks with the same numbers
    tasks: list[Task] = [
        addition(each, next(seeds), part="train"),
        subtraction(each, next(seeds), part="train"),
        modular(each, next(seeds), modulus=5, part="train"),
        modular(each, next(seeds), modulus=10, part="train"),
        ioi(each, next(seeds), part="train"),
        greater_than(each, next(seeds), part="train"),
        induction(each, next(seeds)),
    ]
    pairs = [task.pair(i) for i in range(each) for task in tasks]
    return [f"{pair.clean}{_first(pair.answer)}" for pair in pairs[:n]]


def _first(answer: object) -> str:
    return str(answer[0]) if isinstance(answer, tuple) else str(answer)


def own_texts(model: Model, n: int, n_tokens: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Return `n` texts of a model's own as token ids: sampled at temperature 1 after a few words, one after the other.

    The same seed gives the same texts on the same machine with the same versions.
    """
    openings = Random(seed).sample(OPENINGS, len(OPENINGS))
    generator = torch.Generator().manual_seed(seed)
    return [
        _continued(model, model.encode(openings[i % len(openings)]), n_tokens, generator)
        for i in range(n)
    ]


def _continued(
    model: Model, ids: Sequence[int], n_tokens: int, generator: torch.Generator
) -> tuple[int, ...]:
    # An end would be followed by anything.
    never = torch.tensor(model.tokenizer.all_special_ids, dtype=torch.int64)
    written, cache = list(ids), DynamicCache()
    with running(model.layout) as view:
        while len(written) < n_tokens:
            new = torch.tensor([written[cache.get_seq_length() :]], device=model.layout.device)
            logits = view.model(input_ids=new, past_key_values=cache, use_cache=True).logits
            logits = logits[0, -1].float().cpu().index_fill(0, never, -float("inf"))
            written.append(int(torch.multinomial(logits.softmax(-1), 1, generator=generator)))
    return tuple(written)
