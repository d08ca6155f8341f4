"""Pairs of prompts with other numbers and other results: drawn at random, as many as are asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from typing import Any, Literal, get_args

from patchwidgets.errors import TaskError, listed, shown
from patchwidgets.tasks.numbers import check_operands, one_token_answers
from patchwidgets.tasks.split import Split, check_part, part_of
from patchwidgets.tasks.task import Task
from patchwidgets.tasks.templates import Template
from patchwidgets.tokens import HasTokenizer

Varies = Literal["a", "b", "both"]
NUMBERS = range(100)
"""The numbers from 0 to 99, which the tasks use by default."""
LARGEST = 198
"""The largest result without a model: the largest sum of two of these numbers."""

POSITIONS = {"a": -4, "operator": -3, "b": -2, "end": -1}
"""Of prompts like ``12+34=``: each number is one token."""

Operands = tuple[int, int]
Row = tuple[Operands, Operands]
"""The numbers of the clean and of the corrupted prompt."""


@dataclass(frozen=True)
class Kind:
    """A kind of prompt.

    Attributes
    ----------
    name
        Of its generator.
    template
        With ``{a}`` and ``{b}`` for the numbers.
    result
        From the numbers to the answer; None for numbers that the task leaves out.
    positions
        The named positions, if they are the same in each prompt.
    beginnings
        Of other positions, the text that ends there, with ``{a}`` and ``{b}``.
    """

    name: str
    template: Template
    result: Callable[[int, int], int | None]
    positions: dict[str, int] | None = None
    beginnings: Mapping[str, str] = field(default_factory=dict)


def numbers_task(
    n: int,
    seed: int,
    kind: Kind,
    varies: Varies,
    part: Split | None,
    numbers: Iterable[int],
    model: HasTokenizer | None,
) -> Task:
    """Make a task of random numbers; `arithmetic.addition` documents the arguments and errors."""
    check_part(part)
    if varies not in get_args(Varies):
        raise TaskError(f"Unknown varies {varies!r}; expected 'a', 'b' or 'both'.")
    choice = _checked_numbers(numbers)
    if model is not None:
        check_operands(model, kind.template, choice)
    results = _allowed(kind, choice, part, model)
    _check_enough(kind, results, varies)
    rng = Random(seed)
    rows = [_row(rng, choice, results, varies) for _ in range(n)]
    template = kind.template
    return Task(
        clean=[template.fill(a=a, b=b) for (a, b), _ in rows],
        corrupted=[template.fill(a=a, b=b) for _, (a, b) in rows],
        answer=[template.answer(results[clean]) for clean, _ in rows],
        foil=[template.answer(results[corrupted]) for _, corrupted in rows],
        positions=kind.positions or _positions(kind, rows),
    )


def _checked_numbers(numbers: Any) -> Sequence[int]:
    choice = list(numbers) if isinstance(numbers, Iterable) and not isinstance(numbers, str) else []
    if len(choice) < 2 or any(type(each) is not int or each < 0 for each in choice):
        raise TaskError(
            f"numbers is {shown(numbers)}; expected at least two whole numbers from 0, as in range(100)."
        )
    return choice


def _allowed(
    kind: Kind, choice: Sequence[int], part: Split | None, model: HasTokenizer | None
) -> dict[Operands, int]:
    """The results by operands, without those that are no single token, or of another part."""
    found = {
        (a, b): result for a in choice for b in choice if (result := kind.result(a, b)) is not None
    }
    # Sums of larger numbers are asked for by who has a model that knows them.
    largest = max(LARGEST, 2 * max(choice))
    scored = one_token_answers(model, kind.template, set(found.values()), largest)
    return {
        pair: result
        for pair, result in found.items()
        if result in scored and (part is None or part_of(*pair) == part)
    }


def _check_enough(kind: Kind, results: dict[Operands, int], varies: Varies) -> None:
    """Check that there are two prompts of different results that differ in what varies, or none would be found."""
    if len({*results.values()}) > 1 and any(
        _differ(first, second, varies) and results[first] != results[second]
        for first, second in combinations(results, 2)
    ):
        return
    few = listed([f"{a}, {b}" for a, b in results], most=3, by="; ")
    raise TaskError(
        f"tasks.{kind.name} finds no two prompts {shown(kind.template.text)} of different results that are one token "
        f"each: of these numbers, {len(results)} pairs are left ({few or 'none'}). Use other numbers=, or a model "
        "whose numbers are single tokens."
    )


def _differ(first: Operands, second: Operands, varies: Varies) -> bool:
    """Whether just what varies differs between two prompts."""
    differs = first[0] != second[0], first[1] != second[1]
    return differs == {"a": (True, False), "b": (False, True), "both": (True, True)}[varies]


def _row(rng: Random, choice: Sequence[int], results: dict[Operands, int], varies: Varies) -> Row:
    """Draw the numbers of the clean and of the corrupted prompt, until their results differ."""
    while True:
        a, other_a, b, other_b = (rng.choice(choice) for _ in range(4))
        clean = (a, b)
        corrupted = (a if varies == "b" else other_a, b if varies == "a" else other_b)
        known = clean in results and corrupted in results
        if known and _differ(clean, corrupted, varies) and results[clean] != results[corrupted]:
            return clean, corrupted


def _positions(kind: Kind, rows: Sequence[Row]) -> dict[str, Any]:
    """The same positions in every prompt of one sign, else the beginnings that end there."""
    template = kind.template
    if len(template.text) == len("{a}+{b}=") and template.text.startswith("{a}"):
        return dict(POSITIONS)
    clean = [{"a": a, "b": b} for (a, b), _ in rows]
    return {
        "a": [template.up_to("a", **each) for each in clean],
        "operator": [template.up_to_sign(**each) for each in clean],
        "b": [template.up_to("b", **each) for each in clean],
        **{name: [text.format(**each) for each in clean] for name, text in kind.beginnings.items()},
        "end": -1,
    }
