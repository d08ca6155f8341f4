"""Sentences about people and years: indirect object identification and greater-than."""

from itertools import combinations
from random import Random
from typing import Literal

from patchwidgets.errors import TaskError
from patchwidgets.tasks import words
from patchwidgets.tasks.choice import Choice
from patchwidgets.tasks.generator import generator
from patchwidgets.tasks.split import Split, check_part, part_of
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.vocabulary import one_token_each
from patchwidgets.tasks.years import digits_per_token
from patchwidgets.tokens import HasTokenizer


@generator
def ioi(
    n: int = 32, seed: int = 0, part: Split | None = None, model: HasTokenizer | None = None
) -> Task:
    """Indirect object identification: who receives the gift? The corrupted prompt names the other person as giver.

    There are six sentence templates. In every other pair the giver is the person named first (BABA instead of ABBA).
    Names have to be one token each; of most tokenizers they are, and `model` leaves out those that are not.

    Parameters
    ----------
    n
        The number of pairs.
    seed
        Of the random names and sentences.
    part
        Use only pairs of names from this part of the teaching model's data. It never saw ``"test"``.
    model
        A `Model`, or another object with a `tokenizer`: names that are not one token there are left out. By default all
        names are used; each is one token of the teaching model and of SmolLM2.

    Returns
    -------
    Task
        With the positions `IO`, `S1` (first mentions), `S2` (the giver, where the prompts differ) and `end`.

    Raises
    ------
    TaskError
        `part` is unknown, `model` has no tokenizer, or no two names are left.

    Notes
    -----
    The task of Wang et al. (2022), arXiv 2211.00593.

    Examples
    --------
    >>> pair = pw.tasks.ioi(n=1).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    When Helen and Julia went to the library, Julia offered a ticket to| Helen
    >>> print(pair.corrupted, pair.foil, sep="|")
    When Helen and Julia went to the library, Helen offered a ticket to| Julia
    """
    check_part(part)
    rng = Random(seed)
    names = _names(n, part, model)
    rows = [_sentence(rng, names, part, giver_first=bool(i % 2)) for i in range(n)]
    givers, receivers = [giver for *_, giver, _ in rows], [receiver for *_, receiver in rows]
    clean = [template.format(subject=giver) for template, giver, _ in rows]
    return Task(
        clean=clean,
        corrupted=[template.format(subject=receiver) for template, _, receiver in rows],
        answer=[f" {name}" for name in receivers],
        foil=[f" {name}" for name in givers],
        positions={
            "IO": [f" {name}" for name in receivers],
            "S1": [
                _up_to_first(prompt, f" {name}") for prompt, name in zip(clean, givers, strict=True)
            ],
            "S2": [f" {name}" for name in givers],
            "end": -1,
        },
    )


def _names(n: int, part: Split | None, model: HasTokenizer | None) -> tuple[str, ...]:
    """The names that are one token each, if two of them are in the part."""
    names, left_out = one_token_each(words.NAMES, model)
    if not any(part in (None, part_of(*each)) for each in combinations(names, 2)):
        Choice("ioi", names, left_out, part).check(n, 0)
    return names


def _sentence(
    rng: Random, names: tuple[str, ...], part: Split | None, giver_first: bool
) -> tuple[str, str, str]:
    """Draw a sentence, with ``{subject}`` left to fill in, its giver and its receiver."""
    while True:
        giver, receiver = rng.sample(names, 2)
        if part in (None, part_of(giver, receiver)):
            break
    first, second = (giver, receiver) if giver_first else (receiver, giver)
    template = rng.choice(words.NAME_TEMPLATES).format(
        first=first,
        second=second,
        subject="{subject}",
        place=rng.choice(words.PLACES),
        verb=rng.choice(words.VERBS),
        object=rng.choice(words.OBJECTS),
    )
    return template, giver, receiver


def _up_to_first(prompt: str, text: str) -> str:
    """Return the prompt up to the first mention of a text. As a position, it stands for its last token."""
    return prompt[: prompt.index(text) + len(text)]


@generator
def greater_than(
    n: int = 32,
    seed: int = 0,
    digits: Literal[1, 2] | None = None,
    part: Split | None = None,
    model: HasTokenizer | None = None,
) -> Task:
    """Prompts like ``The war lasted from the year 1741 to the year 17``: any later year is right.

    By default the corrupted year ends in 01, after which every year from 02 on is right. So the corrupted run has no
    reason to prefer the foils, the years up to that of the clean prompt, and ``accuracy`` judges the clean run alone
    (`foil_expected` of `Task`). Use the metric ``prob_diff``: the probability of all later years minus that of all
    others.

    Parameters
    ----------
    n
        The number of pairs.
    seed
        Of the random years and sentences.
    digits
        The number of digits per token: 2 for the teaching model and GPT-2, 1 for SmolLM2 and other tokenizers that
        split numbers into digits. By default what `model` has, and 2 without one. With 1, the answers are the tens
        digits above that of the year, the foils are those below it, and the corrupted year has the tens digit 0.
    part
        Use only years from this part of the teaching model's data. It never saw ``"test"``.
    model
        A `Model`, or another object with a `tokenizer`, whose tokens say how many `digits` there are.

    Returns
    -------
    Task
        With the positions `YY` (the year's last two digits, or its tens digit) and `end`.

    Raises
    ------
    TaskError
        `digits` is neither 1 nor 2, or `part` is unknown; years are not tokens of so many digits in `model`.

    Notes
    -----
    The task of Hanna, Liu and Variengien (2023), arXiv 2305.00586.

    Examples
    --------
    >>> pair = pw.tasks.greater_than(n=1).pair(0)
    >>> pair.clean, pair.answer[:2]
    ('The mission lasted from the year 1751 to the year 17', ('52', '53'))
    """
    check_part(part)
    if digits not in (None, 1, 2):
        raise TaskError(f"A year has 1 or 2 digits per token; got digits={digits!r}.")
    digits = digits_per_token(digits, model)
    rng = Random(seed)
    rows = [_years(rng, part, digits) for _ in range(n)]
    clean = [template.format(year=f"{year:02d}") for template, year in rows]
    edges = [year if digits == 2 else year // 10 for _, year in rows]
    return Task(
        clean=clean,
        corrupted=[
            template.format(year="01" if digits == 2 else f"0{year % 10}")
            for template, year in rows
        ],
        answer=[_numerals(edge + 1, 10**digits, digits) for edge in edges],
        foil=[_numerals(0, edge + (digits == 2), digits) for edge in edges],
        positions={"YY": [_up_to_first(p, p.split()[6][: 2 + digits]) for p in clean], "end": -1},
        foil_expected=digits == 1,
    )


def _years(rng: Random, part: Split | None, digits: int) -> tuple[str, int]:
    """Draw a sentence, with ``{year}`` left to fill in, and the year's last two digits."""
    while True:
        century = rng.choice(words.CENTURIES)
        year = rng.randrange(2, 99) if digits == 2 else rng.randrange(20, 90)
        if part in (None, part_of(century, f"year {year}")):
            break
    return words.YEAR_TEMPLATE.format(
        event=rng.choice(words.EVENTS), century=century, year="{year}"
    ), year


def _numerals(start: int, stop: int, digits: int) -> tuple[str, ...]:
    return tuple(f"{number:0{digits}d}" for number in range(start, stop))
