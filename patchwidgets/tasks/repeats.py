"""Repeated random words: what followed a word the first time follows it again (induction)."""

from random import Random

from patchwidgets.tasks import words
from patchwidgets.tasks.task import Task

POOL = (*words.NAMES, *words.PLACES, *words.OBJECTS, *words.EVENTS)


def induction(n: int = 32, seed: int = 0, length: int = 8) -> Task:
    """Random words, then the first half of them again; the corrupted prompt has two words of the first part swapped.

    The last word, the cue, is one of the two: it moves to another place, so something else follows it there. No
    word but those two differs, which leaves only what a head that looks back one word can tell apart.

    Parameters
    ----------
    n
        How many pairs.
    length
        How many different words, at least 6.

    Returns
    -------
    Task
        With the positions `cue` (the first time), `next` (the answer, the first time) and `end` (the cue again).

    Raises
    ------
    ValueError
        Fewer than 6 words.
    """
    if length < 6:
        raise ValueError(
            f"Repeated words need a length of at least 6, for two cues with room between; got {length}."
        )
    rng = Random(seed)
    rows = [_swapped(rng, length) for _ in range(n)]
    return Task(
        clean=[" ".join(first + first[: cue + 1]) for first, cue, _ in rows],
        corrupted=[
            " ".join(_swap(first, cue, other) + first[: cue + 1]) for first, cue, other in rows
        ],
        answer=[f" {first[cue + 1]}" for first, cue, _ in rows],
        foil=[f" {first[other + 1]}" for first, _, other in rows],
        positions={"cue": -length - 1, "next": -length, "end": -1},
    )


def _swapped(rng: Random, length: int) -> tuple[list[str], int, int]:
    """The words, the place of the cue, and the place it is swapped to: not beside it, neither first nor last."""
    cue = length // 2
    places = [i for i in range(1, length - 1) if abs(i - cue) > 1]
    return rng.sample(POOL, length), cue, rng.choice(places)


def _swap(sequence: list[str], i: int, j: int) -> list[str]:
    changed = list(sequence)
    changed[i], changed[j] = changed[j], changed[i]
    return changed
