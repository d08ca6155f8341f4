"""Tasks: clean and corrupted prompts with answers and foils, as plain data. Costs nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import TaskError
from patchwidgets.files.envelope import read, write
from patchwidgets.guesses.answering import answers_init
from patchwidgets.guesses.arguments import TASK_ARGUMENTS
from patchwidgets.guesses.attributes import TASK
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.storage import write_file
from patchwidgets.tasks.alignment import ProposedAlignment
from patchwidgets.tasks.csv_file import read_csv
from patchwidgets.tasks.json_file import json_data, json_text, read_json, task_fields
from patchwidgets.tasks.table import fields_of_rows, row_of, rows_of_frame
from patchwidgets.tasks.task_data import AlignmentMap, TaskData

if TYPE_CHECKING:
    import pandas as pd


@answers_init(TASK_ARGUMENTS)
@dataclass(frozen=True)
class Task(TaskData):
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

    advice = TASK

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

    def to_frame(self) -> "pd.DataFrame":
        """Return a table with a row for each pair and the columns of `from_frame`, which reads it back.

        Its rows are the pairs alone: `bos`, `chat` and `foil_expected` are not in it.

        Examples
        --------
        >>> pw.tasks.addition(n=2).to_frame()[["clean", "corrupted", "answer", "foil", "@a"]]
            clean corrupted answer foil  @a
        0  49+53=    97+53=    102  150  -4
        1  33+62=    65+62=     95  127  -4
        """
        with Uninterrupted():
            import pandas as pd

        return pd.DataFrame([row_of(pair) for pair in self._rows()])

    def _repr_html_(self) -> str:
        with Uninterrupted():
            from patchwidgets.html import block, table, words

        frame = self.to_frame()
        texts = [name for name in ("clean", "corrupted", "answer", "foil") if name in frame]
        pairs = f"{len(frame):,} pair{'s' * (len(frame) != 1)}"
        return block(words(f"Task of {pairs}"), table(frame[texts]))

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
        single = isinstance(self.clean, str)
        return json_data(self._rows(), single, self.bos, self.chat, self.foil_expected)
