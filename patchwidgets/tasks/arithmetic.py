"""Sums, differences and sums modulo a number. The corrupted prompt has other numbers than the clean one."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from patchwidgets.errors import TaskError
from patchwidgets.tasks.generator import generator
from patchwidgets.tasks.split import Split, check_part, part_of
from patchwidgets.tasks.task import Task

Varies = Literal["a", "b", "both"]
SUM_POSITIONS = {"a": -4, "operator": -3, "b": -2, "end": -1}
MODULAR_POSITIONS = {"a": -6, "operator": -5, "b": -4, "modulus": -2, "end": -1}


@generator
def addition(n: int = 100, seed: int = 0, varies: Varies = "a", part: Split | None = None) -> Task:
    """Prompts like ``12+34=``, with numbers from 0 to 99; the corrupted prompt has another `a`.

    For models in which every number up to 198 is one token, such as the teaching model.

    Parameters
    ----------
    n
        The number of pairs.
    seed
        Of the random numbers.
    varies
        Which of the numbers differs in the corrupted prompt: ``"a"``, ``"b"`` or ``"both"``.
    part
        Use only pairs of numbers from this part of the teaching model's data. It never saw ``"test"``.

    Returns
    -------
    Task
        With the positions `a`, `operator`, `b` and `end`.

    Raises
    ------
    TaskError
        `varies` or `part` is not one of the values above.

    Notes
    -----
    The prompts of Kantamneni and Tegmark (2025), arXiv 2502.00873.

    Examples
    --------
    >>> pair = pw.tasks.addition(n=2).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('49+53=', '97+53=', '102', '150')
    """
    return _numbers(n, seed, _Kind("{a}+{b}=", lambda a, b: a + b, SUM_POSITIONS), varies, part)


@generator
def subtraction(
    n: int = 100, seed: int = 0, varies: Varies = "a", part: Split | None = None
) -> Task:
    """Prompts like ``46-12=`` with results from 0 to 99; the corrupted prompt has another `a`.

    For the same models as `addition`.

    Parameters
    ----------
    n, seed, varies, part
        As for `addition`.

    Returns
    -------
    Task
        With the positions `a`, `operator`, `b` and `end`.

    Examples
    --------
    >>> pair = pw.tasks.subtraction(n=2).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('27-17=', '64-17=', '10', '47')
    """
    return _numbers(
        n,
        seed,
        _Kind("{a}-{b}=", lambda a, b: a - b if a >= b else None, SUM_POSITIONS),
        varies,
        part,
    )


@generator
def modular(
    n: int = 100, seed: int = 0, modulus: int = 10, varies: Varies = "a", part: Split | None = None
) -> Task:
    """Prompts like ``12+34 mod 10=``; the corrupted prompt has another `a` and another result.

    For the same models as `addition`.

    Parameters
    ----------
    n, seed, varies, part
        As for `addition`.
    modulus
        The teaching model knows 2, 5 and 10.

    Returns
    -------
    Task
        With the positions `a`, `operator`, `b`, `modulus` and `end`.

    Raises
    ------
    TaskError
        The modulus is less than 2, or as for `addition`.

    Examples
    --------
    >>> pair = pw.tasks.modular(n=2, modulus=5).pair(0)
    >>> pair.clean, pair.corrupted, pair.answer, pair.foil
    ('49+53 mod 5=', '97+53 mod 5=', '2', '0')
    """
    if modulus < 2:
        raise TaskError(
            f"A modulus of {modulus} leaves no two different results; expected at least 2, as in modulus=10."
        )
    kind = _Kind(f"{{a}}+{{b}} mod {modulus}=", lambda a, b: (a + b) % modulus, MODULAR_POSITIONS)
    return _numbers(n, seed, kind, varies, part)


@dataclass(frozen=True)
class _Kind:
    """A kind of prompt.

    Attributes
    ----------
    template
        With ``{a}`` and ``{b}`` for the numbers.
    result
        From the numbers to the answer; None for numbers that the task leaves out.
    positions
        The named positions.
    """

    template: str
    result: Callable[[int, int], int | None]
    positions: dict[str, int]


def _numbers(n: int, seed: int, kind: _Kind, varies: Varies, part: Split | None) -> Task:
    check_part(part)
    if varies not in get_args(Varies):
        raise TaskError(f"Unknown varies {varies!r}; expected 'a', 'b' or 'both'.")
    rng = Random(seed)
    rows = [_row(rng, kind, varies, part) for _ in range(n)]
    return Task(
        clean=[kind.template.format(a=a, b=b) for (a, b), _ in rows],
        corrupted=[kind.template.format(a=a, b=b) for _, (a, b) in rows],
        answer=[str(kind.result(*clean)) for clean, _ in rows],
        foil=[str(kind.result(*corrupted)) for _, corrupted in rows],
        positions=kind.positions,
    )


def _row(
    rng: Random, kind: _Kind, varies: Varies, part: Split | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Draw the numbers of the clean and of the corrupted prompt, until their results differ."""
    while True:
        a, other_a, b, other_b = (rng.randrange(100) for _ in range(4))
        clean = (a, b)
        corrupted = (a if varies == "b" else other_a, b if varies == "a" else other_b)
        both_differ = varies != "both" or (a != other_a and b != other_b)
        results = {kind.result(*clean), kind.result(*corrupted)}
        in_part = part is None or {part_of(*clean), part_of(*corrupted)} == {part}
        if both_differ and in_part and len(results) == 2 and None not in results:
            return clean, corrupted
