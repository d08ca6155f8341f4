"""Repeated random words (induction): the word that followed another one the first time follows it again."""

from random import Random
from typing import Literal, get_args

from patchwidgets.errors import TaskError, shown
from patchwidgets.tasks import words
from patchwidgets.tasks.choice import Choice
from patchwidgets.tasks.generator import generator
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.vocabulary import one_token_each
from patchwidgets.tokens import HasTokenizer

Change = Literal["cue", "next", "end"]
"""Which word of the corrupted prompt is another one, by the name of its position."""

POOL = (*words.NAMES, *words.PLACES, *words.OBJECTS, *words.EVENTS)


@generator
def induction(
    n: int = 32,
    seed: int = 0,
    length: int = 8,
    model: HasTokenizer | None = None,
    change: Change = "cue",
) -> Task:
    """Random words, and then the first half of them again up to a word that is called the cue.

    In the corrupted prompt the cue has swapped its first place with another word, so another word follows it there.
    Only these two words differ. So an effect comes from heads that look one word back. With `change` it is another word
    that differs, and with it what has to be known: which word stood before the answer, which one it is, or which one is
    looked for. Clean prompts, answers and foils are the same in all three.

    Parameters
    ----------
    n
        The number of pairs.
    seed
        Of the random words.
    length
        The number of different words: at least 6, so that the two places are apart.
    model
        A `Model`, or another object with a `tokenizer`: words that are not one token there are left out. By default all
        words are used; each is one token of the teaching model and of SmolLM2.
    change
        ``"cue"``: the first mention of the cue swaps places with another word. ``"next"``: the answer swaps places with
        the word after that one. ``"end"``: the prompt ends with that other word in place of the cue.

    Returns
    -------
    Task
        With the positions `cue` (its first mention), `next` (the first mention of the answer) and `end` (the cue).

    Raises
    ------
    TaskError
        Fewer than 6 words, or more than there are; `model` has no tokenizer, or `change` is no such position.

    Notes
    -----
    SmolLM2 does it on part of the pairs alone; docs/tasks.md says on how many.

    Examples
    --------
    >>> pair = pw.tasks.induction(n=1, length=6).pair(0)
    >>> print(pair.clean, pair.answer, sep="|")
    battle hospital siege park James Sam battle hospital siege park| James
    >>> print(pair.corrupted, pair.foil, sep="|")
    battle park siege hospital James Sam battle hospital siege park| siege
    >>> print(pw.tasks.induction(n=1, length=6, change="next").pair(0).corrupted)
    battle hospital James park siege Sam battle hospital siege park
    >>> print(pw.tasks.induction(n=1, length=6, change="end").pair(0).corrupted)
    battle hospital siege park James Sam battle hospital siege hospital
    """
    if change not in get_args(Change):
        raise TaskError(
            f"change is {shown(change)}; expected one of {', '.join(get_args(Change))}."
        )
    pool, left_out = one_token_each(POOL, model)
    if not 6 <= length <= len(pool):
        words_left = f" {Choice('induction', pool, left_out).words_left()}" if left_out else ""
        raise TaskError(
            f"Induction needs a length from 6 to {len(pool)}; got {length}.{words_left}"
        )
    rng = Random(seed)
    rows = [_swapped(rng, pool, length) for _ in range(n)]
    return Task(
        clean=[" ".join(first + first[: cue + 1]) for first, cue, _ in rows],
        corrupted=[" ".join(_corrupted(change, *row)) for row in rows],
        answer=[f" {first[cue + 1]}" for first, cue, _ in rows],
        foil=[f" {first[other + 1]}" for first, _, other in rows],
        positions={"cue": -length - 1, "next": -length, "end": -1},
    )


def _swapped(rng: Random, pool: tuple[str, ...], length: int) -> tuple[list[str], int, int]:
    """Draw the words, and return them with the place of the cue and the place with which it is swapped.

    The other place is not beside the cue, and is neither the first nor the last.
    """
    cue = length // 2
    others = [i for i in range(1, length - 1) if abs(i - cue) > 1]
    return rng.sample(pool, length), cue, rng.choice(others)


def _corrupted(change: Change, first: list[str], cue: int, other: int) -> list[str]:
    """Return the words of the corrupted prompt."""
    again = first[: cue + 1]
    if change == "end":
        return [*first, *again[:-1], first[other]]
    return (
        _swap(first, cue, other) + again
        if change == "cue"
        else _swap(first, cue + 1, other + 1) + again
    )


def _swap(sequence: list[str], i: int, j: int) -> list[str]:
    """Return a copy with entries `i` and `j` swapped."""
    changed = list(sequence)
    changed[i], changed[j] = changed[j], changed[i]
    return changed
