"""Tasks: clean and corrupted prompts with answers and foils, as plain data. Costs nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import TaskError, shown
from patchwidgets.files.envelope import read, write
from patchwidgets.storage import write_file
from patchwidgets.tasks.alignment import MAX_POSITION, ProposedAlignment, checked_alignment
from patchwidgets.tasks.files import (
    fields_of_rows,
    json_data,
    json_text,
    read_csv,
    read_json,
    rows_of_frame,
    task_fields,
)

if TYPE_CHECKING:
    import pandas as pd

Alternatives = str | tuple[str, ...]
PositionSpec = int | str
"""An index into the full prompt (negative counts from its end), or a text: the last token of its last occurrence."""
AlignmentMap = Sequence[tuple[int, int]]
"""Positions of the clean and of the corrupted prompt that are counterparts, ascending in both."""


@dataclass(frozen=True)
class Task:
    """A pair of prompts, or two equally long lists of prompts (a dataset), and what each run should say.

    Parameters
    ----------
    clean, corrupted
        One prompt each, or a list of prompts each.
    answer, foil
        What the clean run should say, and what the corrupted run should say: the text that follows the prompt, with its
        leading space. A tuple means alternatives. A list has one entry per pair. If an answer has several tokens, its
        joint probability counts. Metrics that need no foil work without one.
    positions
        Names for positions of the clean prompt: an index into the full prompt, which includes a beginning token, or a
        text in it, which stands for the last token of its last occurrence. A list has one entry per pair. Positions
        count in the clean prompt, in both directions.
    bos
        Whether the prompts begin with the beginning token. None follows the tokenizer's default.
    chat
        Wrap each prompt as one user turn of the tokenizer's chat template.
    align
        Which tokens are counterparts, for prompts of unequal token counts: pairs of a clean and a corrupted position,
        ascending in both and ending with the last tokens of both prompts. Negative positions count from the end. A list
        has one map per pair, or None where the counts are equal. `propose_alignment` proposes one. A position without a
        counterpart cannot be patched. By default each position is its own counterpart.
    foil_expected
        Whether a model that does the task says the foil after the corrupted prompt. If it has no reason to, as in
        `greater_than`, give False: then ``accuracy`` and the warnings of an experiment judge the clean run alone.

    Raises
    ------
    TaskError
        The lists have unequal lengths, there is no pair, or a value has another form.

    Examples
    --------
    >>> task = pw.Task("12+34=", "15+34=", answer="46", foil="49", positions={"a": "12"})
    >>> exp = pw.Experiment(model, task)
    >>> [run.top_tokens(1)[0].token for run in (exp.clean, exp.corrupted)]
    [' 46', ' 49']
    """

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
            object.__setattr__(self, name, _checked_texts(name, getattr(self, name)))
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
        """Return the number of pairs."""
        return 1 if isinstance(self.clean, str) else len(self.clean)

    def pair(self, i: int) -> "Task":
        """Return pair `i` as a task of its own.

        Examples
        --------
        >>> pw.tasks.addition(n=3).pair(2).clean
        '38+45='
        """
        fields = ("clean", "corrupted", "answer", "foil", "align")
        of_pair: dict[str, Any] = {name: _entry(getattr(self, name), i) for name in fields}
        positions = {name: _entry(spec, i) for name, spec in self.positions.items()}
        return replace(self, positions=positions, **of_pair)

    def aligned(
        self, align: AlignmentMap | Sequence[AlignmentMap | None] | ProposedAlignment | None
    ) -> "Task":
        """Return this task with other counterparts.

        Parameters
        ----------
        align
            What `propose_alignment` returned, or a map in the form of the argument `align`.

        Raises
        ------
        TaskError
            The value has another form.

        Examples
        --------
        >>> task = pw.Task("12+34=", "12+34 mod 10=", answer="46", foil="6")
        >>> task.aligned(pw.propose_alignment(model, task)).align
        ((0, 0), (1, 1), (2, 2), (3, 3), (4, 6))
        """
        return replace(self, align=align)

    @classmethod
    def from_csv(cls, path: str | Path) -> "Task":
        r"""Read a dataset from a CSV file with the columns clean, corrupted, answer and perhaps foil.

        ``|`` separates alternative answers. Leading spaces are part of a text. A column ``@name`` holds a named
        position; a number in it is an index, and anything else a text in the prompt. A column align holds maps such as
        ``0:0 1:2 2:3``, or empty cells; no other cell may be empty. The file is UTF-8, with or without a byte-order
        mark.

        Raises
        ------
        FileError
            The file cannot be read.
        TaskError
            A column is missing or unknown, a row has too few or too many cells, a cell is empty or holds something
            else than its column, or there is no row. The message names the row as a spreadsheet does, and the column.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "sums.csv")
        ...     _ = path.write_text("clean,corrupted,answer,foil\n12+34=,15+34=,46,49\n")
        ...     pw.Task.from_csv(path).answer
        ['46']
        """
        return cls(**read_csv(path))

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> "Task":
        """Make a dataset from a DataFrame with the columns of `from_csv`.

        In a cell, alternatives and maps are tuples or lists. Prompts and answers are texts: read numbers with
        ``dtype=str``.

        Raises
        ------
        TaskError
            A column is missing or unknown, a cell is empty or holds something else than its column, or there is no row.
            The message names the row by its label, and the column.

        Examples
        --------
        >>> import pandas as pd
        >>> rows = [{"clean": "12+34=", "corrupted": "15+34=", "answer": "46", "@b": 3}]
        >>> pw.Task.from_frame(pd.DataFrame(rows)).positions
        {'b': [3]}
        """
        rows, places = rows_of_frame(frame)
        return cls(**fields_of_rows(rows, places))

    def save(self, path: str | Path) -> None:
        """Write the task to a JSON file with the version of patchwidgets and a checksum; whole or not at all.

        Raises
        ------
        FileError
            The disk is full, the place cannot be written, or a text cannot be written as UTF-8.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     task.save(f"{folder}/task.json")
        ...     pw.Task.load(f"{folder}/task.json") == task
        True
        """
        write(path, "task", self.json_data())

    @classmethod
    def load(cls, path: str | Path, max_bytes: int | None = None) -> "Task":
        """Read a task that `save` or `to_json` wrote; `save` has an example.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read; 64 MiB by default.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, holds something else, or is of a later version.
        TaskError
            A file of `to_json` that holds something else than a task.
        """
        return cls(**task_fields(read(path, "task", max_bytes=max_bytes)))

    @classmethod
    def from_json(cls, path: str | Path) -> "Task":
        """Read a task that `to_json` or `save` wrote.

        Raises
        ------
        FileError
            The file cannot be read.
        TaskError
            The file contains something else.

        Examples
        --------
        See `to_json`.
        """
        return cls(**read_json(path))

    def to_json(self, path: str | Path) -> None:
        """Write the task to a plain JSON file, each pair with its own answer, foil, positions and map.

        It is the form to edit by hand, or to make with other tools; `save` adds the version and a checksum. The file
        appears whole or not at all: an earlier file of this name stays until the new one is on the disk.

        Raises
        ------
        FileError
            The disk is full, or the place cannot be written.
        TaskError
            A text cannot be written as UTF-8.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "task.json")
        ...     task.to_json(path)
        ...     pw.Task.from_json(path) == task
        True
        """
        try:
            content = self.json_text().encode()
        except UnicodeEncodeError:
            raise TaskError("A text holds half of a surrogate pair, which UTF-8 cannot.") from None
        write_file(path, content)

    def json_text(self) -> str:
        """Return the text that `to_json` writes."""
        return json_text(self._plain_data())

    def json_data(self) -> dict[str, Any]:
        """Return what `save` writes: the dicts, lists and texts of `to_json`, and what was given once for all pairs."""
        fields: dict[str, Any] = {"answer": self.answer, "foil": self.foil}
        fields |= {f"@{name}": spec for name, spec in self.positions.items()}
        several = not isinstance(self.clean, str)
        once = [
            name
            for name, value in fields.items()
            if value is not None and not isinstance(value, list)
        ]
        return self._plain_data() | ({"once": once} if several and once else {})

    def _plain_data(self) -> dict[str, Any]:
        names = ["clean", "corrupted", "answer", "foil", "positions"]
        names += [] if self.align is None else ["align"]
        pairs = [self.pair(i) for i in range(len(self))]
        rows = [{name: getattr(pair, name) for name in names} for pair in pairs]
        return json_data(rows, isinstance(self.clean, str), self.bos, self.chat, self.foil_expected)


def _checked_texts(name: str, value: Any) -> Any:
    """Return a text or a tuple of alternatives unchanged, and any other sequence as a list, if the form is valid."""
    alternatives = name in ("answer", "foil")
    if isinstance(value, str) or (value is None and name == "foil"):
        return value
    if not isinstance(value, Iterable):
        raise TaskError(
            f"{name} is {shown(value)}; expected a text such as ' Mary', or a list of texts."
        )
    entries = list(value)
    for entry in entries:
        if not (isinstance(entry, str) or (alternatives and _is_texts(entry))):
            raise TaskError(f"{name} holds {shown(entry)}; expected texts such as ' Mary'.")
    return value if alternatives and isinstance(value, tuple) else entries


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


def _plain_positions(positions: Mapping[str, Any]) -> dict[str, Any]:
    """Positions with Python's own integers and lists: numpy's would be read as texts, and are no JSON."""
    return {
        name: [_plain(name, each) for each in spec]
        if isinstance(spec, Iterable) and not isinstance(spec, str)
        else _plain(name, spec)
        for name, spec in positions.items()
    }


def _plain(name: str, spec: Any) -> PositionSpec:
    if isinstance(spec, str) and spec:
        return spec
    if type(spec) is not bool and isinstance(spec, Integral) and abs(int(spec)) <= MAX_POSITION:
        return int(spec)
    raise TaskError(
        f"positions[{shown(name)}] is {shown(spec)}; expected an index, or a text of the prompt."
    )


def _entry(value: Any, i: int) -> Any:
    """Return entry `i` of a list, or the value itself, which then belongs to all pairs."""
    return value[i] if isinstance(value, list) else value
