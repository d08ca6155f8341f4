"""Which tokens of two prompts are counterparts: an explicit map, checked against the prompts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from patchwidgets.errors import TaskError
from patchwidgets.tokens import table, visible

Column = tuple[int, int]
"""A position of the clean prompt and its counterpart in the corrupted one."""
Columns = tuple[Column, ...]
SHOWN = 5
"""So many pairs of a dataset are shown."""


@dataclass(frozen=True, repr=False)
class Alignment:
    """The counterparts of one pair of prompts.

    Attributes
    ----------
    clean, corrupted
        Tokens as text.
    columns
        Positions of the clean and the corrupted prompt that are counterparts, growing in both.
    """

    clean: tuple[str, ...]
    corrupted: tuple[str, ...]
    columns: Columns

    def __repr__(self) -> str:
        """Both tokenisations with their positions: = the same token, ~ another one, × no counterpart."""
        rows = [("position", "clean", "corrupted", "position", "")]
        for i, j in spread(self.columns, len(self.clean), len(self.corrupted)):
            above, below = _token(self.clean, i), _token(self.corrupted, j)
            mark = "×" if i is None or j is None else "=" if above == below else "~"
            rows.append((_number(i), above, below, _number(j), mark))
        return table(rows)


@dataclass(frozen=True, repr=False)
class ProposedAlignment:
    """What `propose_alignment` proposes: look at it, then ``task.aligned(proposal)``.

    Attributes
    ----------
    pairs
        The alignment of each pair of prompts.
    align
        The same as plain data, as `Task` takes it.
    """

    pairs: tuple[Alignment, ...]
    align: "Columns | list[Columns | None] | None"

    def __repr__(self) -> str:
        chosen = [(i, p) for i, p in enumerate(self.pairs) if len(p.clean) != len(p.corrupted)]
        if not chosen:
            return "Every pair has equal token counts: each position is its own counterpart."
        lines = []
        for i, pair in chosen[:SHOWN]:
            where = "" if len(self.pairs) == 1 else f"Pair {i}: "
            lines += [
                f"{where}{len(pair.clean)} and {len(pair.corrupted)} tokens, {len(pair.columns)} counterparts "
                "(= the same token, ~ another one, × no counterpart, so not patchable)",
                repr(pair),
            ]
        if len(chosen) > SHOWN:
            lines.append(f"… and {len(chosen) - SHOWN} more pairs of unequal counts, in .pairs")
        return "\n".join(
            [*lines, "Use it: task.aligned(proposal). Change it: Task(..., align=[…])"]
        )


def propose_columns(clean: Sequence[int | str], corrupted: Sequence[int | str]) -> Columns:
    """The counterparts that `propose_alignment` proposes for two lists of tokens."""
    if len(clean) == len(corrupted):
        return identity(len(clean))
    matcher = SequenceMatcher(a=clean[:-1], b=corrupted[:-1], autojunk=False)
    columns: list[Column] = []
    for _tag, a, b, c, d in matcher.get_opcodes():
        n = b - a if b - a == d - c else min(b - a, d - c, 1)
        columns += zip(range(b - n, b), range(d - n, d), strict=True)
    return (*columns, (len(clean) - 1, len(corrupted) - 1))


def identity(n: int) -> Columns:
    """Each position as its own counterpart."""
    return tuple((i, i) for i in range(n))


def spread(
    columns: Columns, n_clean: int, n_corrupted: int
) -> Iterator[tuple[int | None, int | None]]:
    """Every position of both prompts in order: counterparts together, each other one alone."""
    i = j = 0
    for clean, corrupted in (*columns, (n_clean, n_corrupted)):
        yield from ((each, None) for each in range(i, clean))
        yield from ((None, each) for each in range(j, corrupted))
        if clean < n_clean:
            yield clean, corrupted
        i, j = clean + 1, corrupted + 1


def _token(tokens: Sequence[str], i: int | None) -> str:
    return "" if i is None else visible(tokens[i])


def _number(i: int | None) -> str:
    return "" if i is None else str(i)


def checked_alignment(value: Any, single: bool) -> Any:
    """`align` as `Task` keeps it: None, one map as a tuple, or a list with a map or None for each pair.

    Raises
    ------
    TaskError
        Something else.
    """
    if isinstance(value, ProposedAlignment):
        value = value.align
    if value is None or _is_map(value):
        return value if value is None else _as_map(value)
    if single or not isinstance(value, Sequence) or isinstance(value, str) or not len(value):
        raise TaskError(_expected(value))
    for entry in value:
        if entry is not None and not _is_map(entry):
            raise TaskError(_expected(entry))
    maps = [None if entry is None else _as_map(entry) for entry in value]
    return maps if any(maps) else None


def _is_map(value: Any) -> bool:
    """Whether these are pairs of positions, and at least one."""
    return (
        isinstance(value, Sequence)
        and len(value) > 0
        and all(isinstance(column, Sequence) and len(column) == 2 for column in value)
        and all(type(position) is int for column in value for position in column)
    )


def _as_map(value: Sequence[Sequence[int]]) -> Columns:
    return tuple((column[0], column[1]) for column in value)


def _expected(value: Any) -> str:
    return (
        f"align holds {value!r}; expected pairs of a clean and a corrupted position, at least one, as in "
        "[(0, 0), (1, 2)], or for a dataset a list of such maps, None where counts are equal. "
        "pw.propose_alignment(model, task) proposes one."
    )


def checked_columns(columns: Columns, clean: Sequence[str], corrupted: Sequence[str]) -> Columns:
    """A map with its positions counted from 0, for prompts of these tokens.

    Raises
    ------
    TaskError
        A position out of range, positions that do not grow, or last tokens that are not each other's counterparts.
    """
    n, m = len(clean), len(corrupted)
    proposed = Alignment(tuple(clean), tuple(corrupted), propose_columns(clean, corrupted))
    shown = f"pw.propose_alignment pairs them so:\n{proposed}"
    for positions, name, length in zip(
        zip(*columns, strict=True), ("clean", "corrupted"), (n, m), strict=True
    ):
        for position in positions:
            if not -length <= position < length:
                raise TaskError(
                    f"align names position {position} of the {name} prompt, which has {length} tokens "
                    f"(0 to {length - 1}, or -{length} to -1); {shown}"
                )
    found = tuple((i % n, j % m) for i, j in columns)
    for before, after in pairwise(found):
        if after[0] <= before[0] or after[1] <= before[1]:
            raise TaskError(
                f"align has {before} and then {after}; expected both positions to grow from pair to pair, each once, "
                f"since a model reads its prompt in order; {shown}"
            )
    if found[-1] != (n - 1, m - 1):
        raise TaskError(
            f"align ends with {found[-1]}; expected {(n - 1, m - 1)}, the last tokens of both prompts, as the last "
            f"pair, since the metric is read there; {shown}"
        )
    return found
