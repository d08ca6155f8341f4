"""Tasks as tables: rows with the columns clean, corrupted, answer, foil, align, and ``@name`` for positions.

This module knows the fields of a `Task` by name, but not the class itself.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from numbers import Integral
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import TaskError, shown
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.tasks.mistakes import Mistakes

if TYPE_CHECKING:
    import pandas as pd

TableRow = Mapping[str, Any]
Fields = dict[str, Any]
"""The fields of a `Task` by name."""
REQUIRED = ("clean", "corrupted", "answer")
OPTIONAL = ("foil", "align")


def fields_of_rows(rows: Iterable[TableRow], places: Sequence[str]) -> Fields:
    """Return the fields of a dataset, from its rows.

    Parameters
    ----------
    rows
        Each with `clean`, `corrupted`, `answer` and perhaps `foil`. An answer is a text, or a tuple or list of
        alternatives. `align` is a map, a text such as ``"0:0 1:2"``, or None. Other columns are named positions; their
        names begin with ``@``. An empty cell is None.
    places
        What messages call each row, such as ``"Row 3"``.

    Raises
    ------
    TaskError
        A column is missing or unknown, cells are empty or hold something else, or there is no row.
    """
    with Uninterrupted():
        from patchwidgets.tasks.schema import check_rows

    table: list[dict[str, Any]] = []
    mistakes = Mistakes()
    for row, place in zip(rows, places, strict=True):
        check_columns(row, set(table[0]) if table else set(row), place)
        table.append(dict(row))
        for name, cell in row.items():
            with mistakes.noted():
                table[-1][name] = _plain(name, cell, place)
    if not table:
        raise TaskError("The table has no rows; a task needs at least one pair of prompts.")
    mistakes.check()
    check_rows(table, places)
    positions = {
        name[1:]: [row[name] for row in table] for name in table[0] if name.startswith("@")
    }
    columns = {name: [row[name] for row in table] for name in table[0] if name[0] != "@"}
    return dict.fromkeys(OPTIONAL) | columns | {"positions": positions}


def check_columns(row: TableRow, expected: set[str], place: str) -> None:
    """Check that a row has the columns of a task, and no other than those expected.

    Raises
    ------
    TaskError
        It lacks one or has others; `place` is what the message calls the row.
    """
    missing = [name for name in REQUIRED if name not in row]
    if missing:
        raise TaskError(
            f"{place} lacks {', '.join(missing)}; it has {_listed(row)}.{_other_separator(row)}"
        )
    unknown = [name for name in row if name not in (*REQUIRED, *OPTIONAL) and name[:1] != "@"]
    if unknown:
        raise TaskError(
            f"Unknown column {shown(unknown[0])}. A task has {', '.join((*REQUIRED, *OPTIONAL))}, "
            f"and positions as '@name': is it {shown(f'@{unknown[0]}')}?"
        )
    if set(row) != expected:
        raise TaskError(
            f"{place} has other columns than the first row: {_listed(sorted(set(row) ^ expected))}. "
            "Give every row the same columns."
        )


def _listed(names: Iterable[str]) -> str:
    """Return a few names, so that a message stays short."""
    listed = [shown(name) for name in islice(names, 6)]
    return ", ".join([*listed[:5], *("…" for _ in listed[5:])]) or "no column"


def _other_separator(names: Iterable[str]) -> str:
    header = list(names)
    found = [each for each in (";", "\t") if len(header) == 1 and each in header[0]]
    return f" The cells seem to be separated by {found[0]!r}; use commas." if found else ""


def _plain(name: str, cell: Any, place: str) -> Any:
    """Return a cell with Python's own integers and tuples, and a map that was a text."""
    if name == "align":
        cell = _map(cell, place) if isinstance(cell, str) else cell
    if type(cell) is not bool and isinstance(cell, Integral):
        return int(cell)
    if isinstance(cell, Sequence) and not isinstance(cell, str | bytes):
        return tuple(_plain("", each, place) for each in cell)
    return cell


def _map(text: str, place: str) -> tuple[tuple[int, int], ...] | None:
    """Return the map of counterparts in a text such as ``0:0 1:2``; None for an empty one."""
    if not text:
        return None
    columns = [re.fullmatch(r"(-?[0-9]{1,9}):(-?[0-9]{1,9})", part) for part in text.split()]
    if not columns or None in columns:
        raise TaskError(
            f"{place}: align is {shown(text)}; expected clean and corrupted positions, as in '0:0 1:2'."
        )
    return tuple((int(column[1]), int(column[2])) for column in columns if column is not None)


def rows_of_frame(frame: "pd.DataFrame") -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of a DataFrame with None for empty cells, and what messages call each row: its label.

    Raises
    ------
    TaskError
        A column is there twice.
    """
    names = list(map(str, frame.columns))
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise TaskError(f"The table has the column {shown(twice[0])} twice; give it once.")
    cells, missing = frame.astype(object).to_numpy(), frame.isna().to_numpy()
    rows = [
        {
            name: None if is_missing or (isinstance(cell, str) and not cell) else cell
            for name, cell, is_missing in zip(names, row, is_missing_row, strict=True)
        }
        for row, is_missing_row in zip(cells, missing, strict=True)
    ]
    return rows, [f"Row {shown(label)}" for label in frame.index.tolist()]


def row_of(pair: Fields) -> dict[str, Any]:
    """Return the fields of a pair as a row of a table; the inverse of `fields_of_rows`."""
    row = {name: pair[name] for name in REQUIRED}
    if pair["foil"] is not None:
        row["foil"] = pair["foil"]
    if "align" in pair:
        row["align"] = pair["align"]
    return row | {f"@{name}": position for name, position in pair["positions"].items()}
