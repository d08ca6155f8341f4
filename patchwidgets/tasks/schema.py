"""What a pair of prompts and a file of a task must look like, checked with pydantic. Importing it costs 0.1 s."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from patchwidgets.errors import TaskError, shown
from patchwidgets.storage import reason
from patchwidgets.tasks.alignment import MAX_POSITION
from patchwidgets.tasks.mistakes import Mistakes

Index = Annotated[int, Field(ge=-MAX_POSITION, le=MAX_POSITION)]
Text = Annotated[str, Field(min_length=1)]
Alternatives = Text | Annotated[tuple[Text, ...], Field(min_length=1)]
ALTERNATIVES = "a text such as ' Mary', or alternatives, none of them empty"
EXPECTED = {
    "clean": "a text",
    "corrupted": "a text",
    "answer": ALTERNATIVES,
    "foil": f"{ALTERNATIVES}; leave the column out if no pair has one",
    "align": "a map such as 0:0 1:2, or nothing",
}
"""What each column holds."""
POSITION = "an index or a text of the prompt"
"""What a column of positions holds, whose name begins with ``@``."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _PairRow(_Strict):
    """One pair of prompts. Alternatives and maps are tuples."""

    clean: str
    corrupted: str
    answer: Alternatives
    foil: Alternatives | None = None
    align: Annotated[tuple[tuple[Index, Index], ...], Field(min_length=1)] | None = None
    positions: dict[Text, Index | Text] = {}


class TaskFile(_Strict):
    """The JSON file of a task; `once` names what was given once for all pairs, as ``@name`` for a position."""

    pairs: Annotated[list[dict[str, Any]], Field(min_length=1)]
    single: bool = False
    bos: bool | None = None
    chat: bool = False
    foil_expected: bool = True
    once: list[str] = []


def check_rows(table: Sequence[dict[str, Any]], places: Sequence[str]) -> None:
    """Check all pairs, whose positions have names that begin with ``@``.

    Raises
    ------
    TaskError
        Cells are empty or hold something else than their column does. The message names places and columns.
    """
    # Empty cells first: because of one, pandas turns all the indices of its column into floats.
    mistakes = Mistakes()
    for row, place in zip(table, places, strict=True):
        for column, cell in row.items():
            with mistakes.noted():
                if cell is None and column != "align":
                    raise wrong_cell(place, column, cell)
    mistakes.check()
    for row, place in zip(table, places, strict=True):
        with mistakes.noted():
            _check_row(row, place)
    mistakes.check()


def _check_row(row: dict[str, Any], place: str) -> None:
    positions = {name[1:]: cell for name, cell in row.items() if name.startswith("@")}
    fields = {name: cell for name, cell in row.items() if not name.startswith("@")}
    try:
        _PairRow.model_validate(fields | {"positions": positions})
    except ValidationError as error:
        where = error.errors(include_url=False, include_context=False)[0]["loc"]
        column = f"@{where[1]}" if where[0] == "positions" else str(where[0])
        raise wrong_cell(place, column, row[column]) from None


def wrong_cell(place: str, column: str, cell: Any) -> TaskError:
    """Return the error for a cell that does not hold what its column does."""
    expected = POSITION if column.startswith("@") else EXPECTED[column]
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    hint = (
        " Read a table with Task.from_csv or with dtype=str, so that texts stay texts."
        if is_number
        else ""
    )
    return TaskError(
        f"{place}, column {shown(column)}: {'the cell is empty' if cell is None else f'got {shown(cell)}'}; "
        f"expected {expected}.{hint}"
    )


def checked_file(content: Any, name: str) -> TaskFile:
    """Return the content of a JSON file, checked.

    Raises
    ------
    TaskError
        It is something else than what `Task.to_json` writes.
    """
    try:
        return TaskFile.model_validate(content)
    except ValidationError as error:
        raise TaskError(
            f"{name} is not a task ({reason(error)}); expected an object with 'pairs', 'single', 'bos' and 'chat', "
            "as Task.to_json of this version writes it."
        ) from None
