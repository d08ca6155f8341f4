"""Training data: batches of each family of tasks, drawn at random from one part of the data.

All sequences of a batch have the same length.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from jaxtyping import Float, Int
from transformers import PreTrainedTokenizerFast

from patchwidgets.tasks import words
from patchwidgets.tasks.split import Split, part_of

MODULI = (2, 5, 10)
SHARE_OF_STRANGERS = 0.1
"""The share of training sentences whose giver is a third person, so that the receiver may be either name."""

Example = tuple[str, str]
"""A prompt and its answer."""

Family = Callable[[Random, Split], Example]
"""Draws one example from a part of the data."""


@dataclass(frozen=True)
class Batch:
    """Sequences of equal length.

    Attributes
    ----------
    ids
        Token ids.
    weights
        The weight of each token in the loss. The first token is never predicted.
    """

    ids: Int[np.ndarray, "sequence pos"]
    weights: Float[np.ndarray, "sequence pos"]


def number_pair(rng: Random, part: Split) -> tuple[int, int]:
    while True:
        a, b = rng.randrange(100), rng.randrange(100)
        if part_of(a, b) == part:
            return a, b


def addition(rng: Random, part: Split) -> Example:
    a, b = number_pair(rng, part)
    return f"{a}+{b}=", str(a + b)


def subtraction(rng: Random, part: Split) -> Example:
    b, a = sorted(number_pair(rng, part))
    return f"{a}-{b}=", str(a - b)


def modular_addition(rng: Random, part: Split) -> Example:
    (a, b), k = number_pair(rng, part), rng.choice(MODULI)
    return f"{a}+{b} mod {k}=", str((a + b) % k)


def remainder(rng: Random, part: Split) -> Example:
    while True:
        a, k = rng.randrange(100), rng.choice(MODULI)
        if part_of(a, f"mod {k}") == part:
            return f"{a} mod {k}=", str(a % k)


def names(rng: Random, part: Split) -> Example:
    while True:
        pair = rng.sample(words.NAMES, 2)
        if part_of(*pair) == part:
            break
    giver, receiver = rng.sample(pair, 2)
    if part == "train" and rng.random() < SHARE_OF_STRANGERS:
        giver = rng.choice([name for name in words.NAMES if name not in pair])
    prompt = rng.choice(words.NAME_TEMPLATES).format(
        first=pair[0],
        second=pair[1],
        subject=giver,
        place=rng.choice(words.PLACES),
        verb=rng.choice(words.VERBS),
        object=rng.choice(words.OBJECTS),
    )
    return prompt, f" {receiver}"


def years(rng: Random, part: Split) -> Example:
    while True:
        century, year = rng.choice(words.CENTURIES), rng.randrange(1, 99)
        if part_of(century, f"year {year}") == part:
            break
    prompt = words.YEAR_TEMPLATE.format(
        event=rng.choice(words.EVENTS), century=century, year=f"{year:02d}"
    )
    return prompt, f"{rng.randrange(year + 1, 100):02d}"


def repeated_words(rng: Random, length: int) -> tuple[list[str], list[bool]]:
    """Draw different words, then repeat runs of them; say of each word whether the words before it determine it."""
    first = rng.sample((*words.NAMES, *words.PLACES, *words.OBJECTS, *words.EVENTS), length)
    whole = rng.random() < 0.5
    again: list[str] = []
    known: list[bool] = []
    while len(again) < length:
        start = 0 if whole else rng.randrange(length - 1)
        run = first[start : length if whole else start + rng.randint(2, 4)]
        again += run
        known += [False] + [True] * (len(run) - 1)
    return first + again[:length], [False] * length + known[:length]


class Mixture:
    """Draws the batches of a training step.

    Parameters
    ----------
    counts
        The number of sequences of each family in a step.
    seed
        Of all random draws.
    text_weight
        The weight in the loss of the words of a sentence before its answer; the answer has weight 1.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        counts: dict[str, int],
        seed: int,
        text_weight: float = 0.1,
    ):
        self.tokenizer, self.counts, self.text_weight = tokenizer, counts, text_weight
        self.rng = Random(seed)

    def step(self, number: int) -> dict[str, Batch]:
        """Draw the batches of training step `number`; in every eighth step, sums end with ``<eos>``."""
        sums_ending = "<eos>" if number % 8 == 0 else ""
        sums = [addition] * self.counts["addition"] + [subtraction] * self.counts["subtraction"]
        return {
            "sums": self.answered(sums, sums_ending),
            "modular_addition": self.many(modular_addition, sums_ending),
            "remainder": self.many(remainder, "<eos>"),
            "names": self.many(names, ".<eos>", self.text_weight),
            "years": self.many(years, ".<eos>", self.text_weight),
            "repeated": self.repeated(self.counts["repeated"], self.rng.randint(5, 10)),
        }

    def many(self, family: Family, ending: str, text_weight: float = 0.0) -> Batch:
        """Draw as many examples of one family as a step has."""
        return self.answered([family] * self.counts[family.__name__], ending, text_weight)

    def answered(self, families: Sequence[Family], ending: str, text_weight: float = 0.0) -> Batch:
        """Draw prompts with their answers and an ending; the ending has the weight of the answer."""
        examples = [family(self.rng, "train") for family in families]
        ids = self.encode([prompt + answer + ending for prompt, answer in examples])
        weights = np.full(ids.shape, text_weight, dtype=np.float32)
        weights[:, -1 - ending.count(".") - ending.count("<eos>") :] = 1.0
        return Batch(ids, weights)

    def repeated(self, count: int, length: int) -> Batch:
        """Draw repeated sequences; only words that the words before them determine count in the loss."""
        examples = [repeated_words(self.rng, length) for _ in range(count)]
        ids = self.encode([" ".join(text) for text, _ in examples])
        weights = np.array([[False, *known] for _, known in examples], dtype=np.float32)
        return Batch(ids, weights)

    def encode(self, texts: list[str]) -> Int[np.ndarray, "sequence pos"]:
        """Return the ids of texts that have the same number of tokens."""
        return np.array(self.tokenizer(texts)["input_ids"], dtype=np.int64)
