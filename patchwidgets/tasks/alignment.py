"""Alignments: which tokens of two prompts are counterparts, as an explicit map, and how a map is checked.

Plain data; works on tokens as text or as ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard

from patchwidgets.errors import TaskError, shown
from patchwidgets.tasks.matching import Column, fill_stretches, shared_tokens
from patchwidgets.tokens import isolated, table, visible

Columns = tuple[Column, ...]
MAX_POSITION = 10**9
"""No prompt is as long."""
MAX_SHOWN = 5
"""How many pairs of a dataset a proposal prints."""


@dataclass(frozen=True, repr=False)
class Alignment:
    """The counterparts of one pair of prompts.

    Attributes
    ----------
    clean, corrupted
        The tokens of both prompts as text.
    columns
        Positions of the clean and the corrupted prompt that are counterparts, ascending in both.
    """

    clean: tuple[str, ...]
    corrupted: tuple[str, ...]
    columns: Columns

    def __repr__(self) -> str:
        """Show both tokenisations with their positions: = the same token, ~ another one, × no counterpart."""
        rows = [("position", "clean", "corrupted", "position", "")]
        for i, j in all_columns(self.columns, len(self.clean), len(self.corrupted)):
            clean, corrupted = _token(self.clean, i), _token(self.corrupted, j)
            mark = "×" if i is None or j is None else "=" if clean == corrupted else "~"
            rows.append((_number(i), clean, corrupted, _number(j), mark))
        return table(rows)


@dataclass(frozen=True, repr=False)
class ProposedAlignment:
    """What `propose_alignment` returns. Look at it, and then use ``task.aligned(proposal)``.

    Attributes
    ----------
    pairs
        The alignment of each pair of prompts.
    align
        The same as plain data, in the form that `Task` takes.
    """

    pairs: tuple[Alignment, ...]
    align: "Columns | list[Columns | None] | None"

    def __repr__(self) -> str:
        unequal = [(i, p) for i, p in enumerate(self.pairs) if len(p.clean) != len(p.corrupted)]
        if not unequal:
            return "Every pair has equal token counts: each position is its own counterpart."
        lines = []
        for i, pair in unequal[:MAX_SHOWN]:
            where = "" if len(self.pairs) == 1 else f"Pair {i}: "
            lines += [
                f"{where}{len(pair.clean)} and {len(pair.corrupted)} tokens, {len(pair.columns)} counterparts "
                "(= the same token, ~ another one, × no counterpart, so not patchable)",
                repr(pair),
            ]
        if len(unequal) > MAX_SHOWN:
            n_more = len(unequal) - MAX_SHOWN
            lines.append(f"… and {n_more} more pairs of unequal counts, in .pairs")
        return "\n".join(
            [*lines, "Use it: task.aligned(proposal). Change it: Task(..., align=[…])"]
        )


def propose_columns(clean: Sequence[int | str], corrupted: Sequence[int | str]) -> Columns:
    """Return the counterparts that `propose_alignment` proposes for two lists of tokens; see there for the rules."""
    if len(clean) == len(corrupted):
        return identity(len(clean))
    last = (len(clean) - 1, len(corrupted) - 1)
    return tuple(fill_stretches([*shared_tokens(clean[:-1], corrupted[:-1]), last]))


def identity(n: int) -> Columns:
    """Return the map in which each position is its own counterpart."""
    return tuple((i, i) for i in range(n))


def all_columns(
    columns: Columns, n_clean: int, n_corrupted: int
) -> Iterator[tuple[int | None, int | None]]:
    """Yield every position of both prompts in order: counterparts as a pair, other positions with None."""
    i = j = 0
    for clean, corrupted in (*columns, (n_clean, n_corrupted)):
        yield from ((each, None) for each in range(i, clean))
        yield from ((None, each) for each in range(j, corrupted))
        if clean < n_clean:
            yield clean, corrupted
        i, j = clean + 1, corrupted + 1


def _token(tokens: Sequence[str], i: int | None) -> str:
    return "" if i is None else isolated(visible(tokens[i]))


def _number(i: int | None) -> str:
    return "" if i is None else str(i)


def checked_alignment(value: Any, single: bool) -> Columns | list[Columns | None] | None:
    """Return `align` in the form that `Task` stores: None, one map, or a list with a map or None for each pair.

    Raises
    ------
    TaskError
        The value has another form.
    """
    if isinstance(value, ProposedAlignment):
        value = value.align
    if value is None:
        return None
    if _is_map(value):
        return _as_map(value)
    if single or not isinstance(value, Sequence) or isinstance(value, str) or not len(value):
        raise TaskError(_expected(value))
    maps: list[Columns | None] = []
    for entry in value:
        if entry is not None and not _is_map(entry):
            raise TaskError(_expected(entry))
        maps.append(None if entry is None else _as_map(entry))
    return maps if any(maps) else None


def _is_map(value: object) -> TypeGuard[Sequence[Sequence[int]]]:
    """Return whether these are pairs of positions, and at least one."""
    return (
        isinstance(value, Sequence)
        and len(value) > 0
        and all(isinstance(column, Sequence) and len(column) == 2 for column in value)
        and all(type(position) is int for column in value for position in column)
    )


def _as_map(value: Sequence[Sequence[int]]) -> Columns:
    return tuple((column[0], column[1]) for column in value)


def _expected(value: object) -> str:
    return (
        f"align holds {shown(value)}; expected pairs of a clean and a corrupted position, at least one, as in "
        "[(0, 0), (1, 2)], or for a dataset a list of such maps, None where counts are equal. "
        "pw.propose_alignment(model, task) proposes one."
    )


def checked_columns(columns: Columns, clean: Sequence[str], corrupted: Sequence[str]) -> Columns:
    """Return a map with its positions counted from 0, checked against the tokens of the prompts.

    Raises
    ------
    TaskError
        A position is out of range, the positions are not ascending, or the last tokens are not counterparts.
    """
    n, m = len(clean), len(corrupted)

    def shown() -> str:
        proposed = Alignment(tuple(clean), tuple(corrupted), propose_columns(clean, corrupted))
        return f"pw.propose_alignment pairs them like this:\n{proposed}"

    for positions, name, length in zip(
        zip(*columns, strict=True), ("clean", "corrupted"), (n, m), strict=True
    ):
        for position in positions:
            if not -length <= position < length:
                raise TaskError(
                    f"align names position {position} of the {name} prompt, which has {length} tokens "
                    f"(0 to {length - 1}, or -{length} to -1); {shown()}"
                )
    from_start = tuple((i % n, j % m) for i, j in columns)
    for before, after in pairwise(from_start):
        if after[0] <= before[0] or after[1] <= before[1]:
            raise TaskError(
                f"align has {before} and then {after}; expected both positions to grow from pair to pair, each once, "
                f"since a model reads its prompt in order; {shown()}"
            )
    if from_start[-1] != (n - 1, m - 1):
        raise TaskError(
            f"align ends with {from_start[-1]}; expected {(n - 1, m - 1)}, the last tokens of both prompts, as the "
            f"last pair, since the metric is read there; {shown()}"
        )
    return from_start
