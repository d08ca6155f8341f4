"""A task: clean and corrupted prompts with the answer and the foil, as plain data. Costs nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import TaskError
from patchwidgets.tasks.alignment import ProposedAlignment, checked_alignment
from patchwidgets.tasks.files import fields_of_rows, json_text, read_csv, read_json

if TYPE_CHECKING:
    import pandas as pd

Alternatives = str | tuple[str, ...]
PositionSpec = int | str
"""An index into the full prompt (negative: from its end), or a text: the last token of its last occurrence."""
AlignmentMap = Sequence[tuple[int, int]]
"""Positions of the clean and of the corrupted prompt that are counterparts, growing in both."""


@dataclass(frozen=True)
class Task:
    """Two prompts, or two equally long lists of prompts (a dataset), and what each run should say.

    Parameters
    ----------
    clean, corrupted
        One prompt each, or a list of prompts.
    answer, foil
        What the clean run should say, and what the corrupted run says: the text that follows the prompt, with its
        leading space; a tuple of alternatives; or a list of either, one per pair. Of several tokens the joint
        log-probability is scored. The foil may be left out for metrics that need none.
    positions
        Names for positions: an index into the full prompt (beginning token included), or a text in the clean
        prompt, standing for the last token of its last occurrence; or a list of either, one per pair. Positions
        count in the clean prompt, in both directions.
    bos
        Put the beginning token first. None does what the tokenizer does by itself.
    chat
        Wrap each prompt as one user turn of the tokenizer's chat template.
    align
        Which tokens are counterparts, for prompts of unequal token counts: pairs of a clean and a corrupted position
        (negative: from the end), growing in both, the last ones the last tokens of both prompts; or a list with such
        a map, or None where counts are equal, for each pair. `patchwidgets.propose_alignment` proposes one. What has no
        counterpart is not patchable. By default each position is its own counterpart.

    Raises
    ------
    TaskError
        Lists of unequal length, no pair at all, or a map of another form.
    """

    clean: str | Sequence[str]
    corrupted: str | Sequence[str]
    answer: Alternatives | Sequence[Alternatives]
    foil: Alternatives | Sequence[Alternatives] | None = None
    positions: Mapping[str, PositionSpec | Sequence[PositionSpec]] = field(default_factory=dict)
    bos: bool | None = None
    chat: bool = False
    align: AlignmentMap | Sequence[AlignmentMap | None] | ProposedAlignment | None = None

    def __post_init__(self) -> None:
        for name in ("clean", "corrupted", "answer", "foil"):
            object.__setattr__(self, name, _checked_texts(name, getattr(self, name)))
        if len(self) == 0:
            raise TaskError("A task needs at least one pair of prompts; clean is an empty list.")
        if isinstance(self.clean, str) != isinstance(self.corrupted, str):
            raise TaskError(
                "One of clean and corrupted is a list and the other is one prompt; give one per pair."
            )
        object.__setattr__(self, "positions", _plain_positions(self.positions))
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
        """How many pairs."""
        return 1 if isinstance(self.clean, str) else len(self.clean)

    def pair(self, i: int) -> "Task":
        """Pair `i` as a task of its own."""
        foil = None if self.foil is None else _entry(self.foil, i)
        positions = {name: _entry(spec, i) for name, spec in self.positions.items()}
        return Task(
            _entry(self.clean, i),
            _entry(self.corrupted, i),
            _entry(self.answer, i),
            foil,
            positions,
            self.bos,
            self.chat,
            _entry(self.align, i),
        )

    def aligned(
        self, align: AlignmentMap | Sequence[AlignmentMap | None] | ProposedAlignment | None
    ) -> "Task":
        """Return this task with other counterparts: those of `propose_alignment`, or a map as of `align`."""
        return replace(self, align=align)

    @classmethod
    def from_csv(cls, path: str | Path) -> "Task":
        """A dataset from a CSV file with the columns clean, corrupted, answer and perhaps foil.

        Alternative answers are separated by ``|``; leading spaces are kept; a position is a column ``@name``; a column
        align holds maps such as ``0:0 1:2 2:3``, or nothing.

        Raises
        ------
        TaskError
            A missing or unknown column, a ragged row, or no row at all.
        """
        return cls(**read_csv(path))

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> "Task":
        """A dataset from a DataFrame, with columns as of `from_csv`; alternatives and maps are sequences in a cell.

        Raises
        ------
        TaskError
            A missing or unknown column, or no row at all.
        """
        rows = frame.to_dict("records")
        return cls(
            **fields_of_rows({str(name): value for name, value in row.items()} for row in rows)
        )

    @classmethod
    def from_json(cls, path: str | Path) -> "Task":
        """A task that `to_json` wrote.

        Raises
        ------
        TaskError
            The file holds something else.
        """
        return cls(**read_json(path))

    def to_json(self, path: str | Path) -> None:
        """Write the task to a JSON file, each pair with its own answer, foil, positions and map."""
        Path(path).write_text(self.json_text(), encoding="utf-8")

    def json_text(self) -> str:
        """What `to_json` writes."""
        names = ("clean", "corrupted", "answer", "foil", "positions", "align")
        kept = names if self.align is not None else names[:-1]
        pairs = [self.pair(i) for i in range(len(self))]
        rows = [{name: getattr(pair, name) for name in kept} for pair in pairs]
        return json_text(rows, isinstance(self.clean, str), self.bos, self.chat)


def _checked_texts(name: str, value: Any) -> Any:
    """Texts as they are, any other sequence of them as a list; a tuple of answers means alternatives."""
    alternatives = name in ("answer", "foil")
    if isinstance(value, str) or (value is None and name == "foil"):
        return value
    if not isinstance(value, Iterable):
        raise TaskError(
            f"{name} is {value!r}; expected a text such as ' Mary', or a list of texts."
        )
    entries = list(value)
    for entry in entries:
        if not (isinstance(entry, str) or (alternatives and isinstance(entry, tuple))):
            raise TaskError(f"{name} holds {entry!r}; expected texts such as ' Mary'.")
    return value if alternatives and isinstance(value, tuple) else entries


def _plain_positions(positions: Mapping[str, Any]) -> dict[str, Any]:
    """Positions with Python's own integers and lists: numpy's would be read as texts, and are no JSON."""
    return {
        name: [_plain(each) for each in spec]
        if isinstance(spec, Iterable) and not isinstance(spec, str)
        else _plain(spec)
        for name, spec in positions.items()
    }


def _plain(spec: Any) -> Any:
    return int(spec) if isinstance(spec, Integral) else spec


def _entry(value: Any, i: int) -> Any:
    """Entry `i` of a list, or the one value that serves all pairs."""
    return value[i] if isinstance(value, list) else value
