"""The pairs of a task as plain data, and some of them chosen. Costs nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from patchwidgets.errors import TaskError, shown
from patchwidgets.guesses.answering import Answering
from patchwidgets.tasks.alignment import ProposedAlignment, checked_alignment
from patchwidgets.tasks.chosen import (
    Condition,
    condition_of,
    numbers_where,
    pair_number,
    pair_numbers,
    several,
)
from patchwidgets.tasks.fields import PositionSpec, checked_texts, plain_positions

Alternatives = str | tuple[str, ...]
AlignmentMap = Sequence[tuple[int, int]]
"""Positions of the clean and of the corrupted prompt that are counterparts, ascending in both."""


@dataclass(frozen=True)
class TaskData(Answering):
    """What a `Task` consists of; it documents the fields."""

    clean: str | Sequence[str]
    corrupted: str | Sequence[str]
    answer: Alternatives | Sequence[Alternatives]
    foil: Alternatives | Sequence[Alternatives] | None = None
    positions: Mapping[str, PositionSpec | Sequence[PositionSpec]] = field(default_factory=dict)
    bos: bool | None = None
    chat: bool = False
    align: AlignmentMap | Sequence[AlignmentMap | None] | ProposedAlignment | None = None
    foil_expected: bool = True

    def __post_init__(self) -> None:
        for name in ("clean", "corrupted", "answer", "foil"):
            object.__setattr__(self, name, checked_texts(name, getattr(self, name)))
        if len(self) == 0:
            raise TaskError("A task needs at least one pair of prompts; clean is an empty list.")
        if isinstance(self.clean, str) != isinstance(self.corrupted, str):
            raise TaskError(
                "One of clean and corrupted is a list and the other is one prompt; give two prompts or two lists."
            )
        settings = {"bos": self.bos, "chat": self.chat, "foil_expected": self.foil_expected}
        for name, setting in settings.items():
            if not isinstance(setting, bool) and (name, setting) != ("bos", None):
                raise TaskError(f"{name} is {shown(setting)}; expected True or False.")
        object.__setattr__(self, "positions", plain_positions(self.positions))
        maps = checked_alignment(self.align, single=isinstance(self.clean, str))
        object.__setattr__(self, "align", maps)
        for name, value in self._lists():
            if len(value) != len(self):
                raise TaskError(
                    f"{name} has {len(value)} entries for {len(self)} pairs of prompts; give one per pair."
                )

    def _lists(self) -> Iterator[tuple[str, list[Any]]]:
        named = {f"positions[{name!r}]": spec for name, spec in self.positions.items()}
        fields: dict[str, Any] = {
            name: getattr(self, name) for name in ("corrupted", "answer", "foil", "align")
        }
        for name, value in (fields | named).items():
            if isinstance(value, list):
                yield name, value

    def __len__(self) -> int:
        """Return the number of pairs."""
        return 1 if isinstance(self.clean, str) else len(self.clean)

    def pair(self, i: int) -> Self:
        """Return pair `i` as a task of its own; ``task[i]`` in short, and ``for pair in task`` goes over all.

        Raises
        ------
        TaskError
            There is no such pair.

        Examples
        --------
        >>> pw.tasks.addition(n=3).pair(2).clean
        '38+45='
        """
        i = pair_number(i, len(self))
        fields = ("clean", "corrupted", "answer", "foil", "align")
        of_pair: dict[str, Any] = {name: _entry(getattr(self, name), i) for name in fields}
        positions = {name: _entry(spec, i) for name, spec in self.positions.items()}
        return replace(self, positions=positions, **of_pair)

    def __iter__(self) -> Iterator[Self]:
        """Go over the pairs, each as a task of its own."""
        return map(self.pair, range(len(self)))

    def __getitem__(self, chosen: "int | slice | Sequence[int] | Sequence[bool]") -> Self:
        """Return a pair by its number, as `pair` does, or several of them as a dataset.

        Parameters
        ----------
        chosen
            A number, a slice, or a list of numbers or of booleans; a negative number counts from the end.

        Raises
        ------
        TaskError
            There is no such pair, or none is left.

        Examples
        --------
        >>> sums = pw.tasks.addition(n=100)
        >>> len(sums[:4]), sums[:4].clean[3] == sums[3].clean, sums[[0, 2]].clean
        (4, True, ['49+53=', '38+45='])
        """
        if several(chosen):
            return self._dataset(pair_numbers(chosen, len(self)))
        return self.pair(pair_number(chosen, len(self)))

    def where(self, condition: Condition) -> Self:
        """Return the pairs for which a condition holds, as a dataset.

        Parameters
        ----------
        condition
            True or False for each pair, such as what `Experiment.correct` returns: then the pairs that a model gets
            right are left. Or a function that says so of each pair, which it gets as a task of its own.

        Raises
        ------
        TaskError
            No entry for each pair, something else than True and False, or no pair is left.

        Examples
        --------
        >>> sums = pw.tasks.addition(n=100)
        >>> len(sums.where(lambda pair: len(pair.answer) == 2)), len(sums.where(lambda pair: len(pair.answer) == 3))
        (54, 46)

        Only those in which the model's most probable token is the answer:

        >>> right = pw.Experiment(model, sums).correct("top")
        >>> len(sums.where(right))
        100
        """
        return self._dataset(numbers_where(condition_of(self, condition), len(self)))

    def _dataset(self, numbers: Sequence[int]) -> Self:
        """Return some pairs; what is given once for all pairs stays so."""
        single = isinstance(self.clean, str)

        def of(value: Any, per_pair: bool = False) -> Any:
            if isinstance(value, list):
                return [value[i] for i in numbers]
            return [value for _ in numbers] if per_pair else value

        texts = {name: of(getattr(self, name), per_pair=True) for name in ("clean", "corrupted")}
        others = {name: of(getattr(self, name), single) for name in ("answer", "foil")}
        others["foil"] = None if self.foil is None else others["foil"]
        align = None if self.align is None else of(self.align, per_pair=True)
        positions = {name: of(spec) for name, spec in self.positions.items()}
        return replace(self, **texts, **others, align=align, positions=positions)

    def _rows(self) -> list[dict[str, Any]]:
        """The fields of each pair, without `align` if there is none."""
        names = ["clean", "corrupted", "answer", "foil", "positions"]
        names += [] if self.align is None else ["align"]
        return [{name: getattr(pair, name) for name in names} for pair in self]


def _entry(value: Any, i: int) -> Any:
    """Return entry `i` of a list, or the value itself, which then belongs to all pairs."""
    return value[i] if isinstance(value, list) else value
