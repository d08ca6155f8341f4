"""Some of the pairs of a task: those that a number, a slice, a list or a condition means. Costs nothing."""

from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Any

from patchwidgets.errors import TaskError, shown, type_named

Condition = Sequence[bool] | Callable[[Any], bool]
"""True or False for each pair, or a function that says so of a pair, which is a task of its own."""
_RIGHT = "The pairs that a model gets right are task.where(pw.Experiment(model, task).correct())."


def pair_number(i: Any, n: int) -> int:
    """Return the number of a pair, from 0; a negative one counts from the end.

    Raises
    ------
    TaskError
        There is no such pair, or it is no number.
    """
    try:
        number = index(i)
    except TypeError:
        raise TaskError(
            "A pair of a task is chosen by its number, as in task[0], and several by a slice or list, as in task[:4]; "
            f"got {shown(i)}. Its fields are task.clean, task.corrupted, task.answer, task.foil and task.positions."
        ) from None
    if not -n <= number < n:
        pairs = "1 pair, number 0" if n == 1 else f"{n} pairs, 0 to {n - 1}"
        raise TaskError(f"There is no pair {number}; this task has {pairs}.")
    return number % n


def several(chosen: Any) -> bool:
    """Return whether a slice or a list means several pairs, and not a number one."""
    return isinstance(chosen, slice) or (hasattr(chosen, "__len__") and not isinstance(chosen, str))


def pair_numbers(chosen: Any, n: int) -> list[int]:
    """Return the numbers of the pairs that a slice or a list of numbers or of booleans means.

    Raises
    ------
    TaskError
        There is no such pair, or none is left.
    """
    if isinstance(chosen, slice):
        numbers = list(range(n)[chosen])
    else:
        entries = _plain(chosen)
        if entries and all(isinstance(each, bool) for each in entries):
            return numbers_where(entries, n)
        numbers = [pair_number(each, n) for each in entries]
    return _any_left(numbers, n, f"[{_in_words(chosen)}]")


def numbers_where(holds: Iterable[Any], n: int) -> list[int]:
    """Return the numbers of the pairs for which a condition holds, which is given as True or False for each.

    Raises
    ------
    TaskError
        It has another length or other entries, or holds for none.
    """
    entries = _plain(holds)
    if len(entries) != n:
        raise TaskError(
            f"The condition has {len(entries)} entries for {n} pairs of prompts; give True or False for each, or a "
            "function of a pair."
        )
    if other := [each for each in entries if not isinstance(each, bool)]:
        raise TaskError(
            f"The condition holds {shown(other[0])}; expected True or False for each pair. Pairs are chosen by their "
            "numbers with task[[0, 3]]."
        )
    return _any_left([i for i, each in enumerate(entries) if each], n, "The condition")


def condition_of(task: Iterable[Any], condition: Any) -> list[bool]:
    """Return for each pair whether a condition holds, where it is a function.

    Raises
    ------
    TaskError
        It is neither a function nor one entry for each pair, or says something else than True or False.
    """
    if callable(condition):
        return [_plain([condition(pair)])[0] for pair in task]
    if isinstance(condition, str) or not hasattr(condition, "__len__"):
        raise TaskError(
            f"where() takes True or False for each pair, or a function of a pair; got {type_named(condition)}. {_RIGHT}"
        )
    return list(condition)


def _plain(entries: Any) -> list[Any]:
    """Return entries as a list, with Python's own numbers and booleans in place of numpy's, torch's and pandas's."""
    listed = entries.tolist() if hasattr(entries, "tolist") else list(entries)
    return [each.item() if getattr(each, "ndim", None) == 0 else each for each in listed]


def _any_left(numbers: list[int], n: int, what: str) -> list[int]:
    if not numbers:
        pairs = "the only pair" if n == 1 else f"the {n} pairs"
        raise TaskError(f"{what} leaves none of {pairs}, and a task needs at least one.")
    return numbers


def _in_words(chosen: Any) -> str:
    if isinstance(chosen, slice):
        ends = ["" if each is None else str(each) for each in (chosen.start, chosen.stop)]
        return ":".join(ends) + ("" if chosen.step is None else f":{chosen.step}")
    return shown(chosen)
