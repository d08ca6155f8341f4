"""Tasks as tables and files: rows with the columns clean, corrupted, answer, foil, align, and ``@name`` for positions.

This module knows the fields of a `Task` by name, but not the class itself.
"""

import csv
import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import islice
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import TaskError, shown
from patchwidgets.files.envelope import HEADER, Opened, read
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.storage import MAX_DIGITS, parse_json, read_file

if TYPE_CHECKING:
    import pandas as pd

TableRow = Mapping[str, Any]
Fields = dict[str, Any]
"""The fields of a `Task` by name."""
REQUIRED = ("clean", "corrupted", "answer")
OPTIONAL = ("foil", "align")
MAX_BYTES = 2**28
"""The size up to which a file of a task is read."""


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
        A column is missing or unknown, a cell is empty or holds something else, or there is no row.
    """
    with Uninterrupted():
        from patchwidgets.tasks.schema import check_rows

    table: list[dict[str, Any]] = []
    for row, place in zip(rows, places, strict=True):
        _check_columns(row, set(table[0]) if table else set(row), place)
        table.append({name: _plain(name, cell, place) for name, cell in row.items()})
    if not table:
        raise TaskError("The table has no rows; a task needs at least one pair of prompts.")
    check_rows(table, places)
    positions = {
        name[1:]: [row[name] for row in table] for name in table[0] if name.startswith("@")
    }
    columns = {name: [row[name] for row in table] for name in table[0] if name[0] != "@"}
    return dict.fromkeys(OPTIONAL) | columns | {"positions": positions}


def _check_columns(row: TableRow, expected: set[str], place: str) -> None:
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


def read_csv(path: str | Path) -> Fields:
    """Return the fields of a dataset from a CSV file with a header.

    ``|`` separates alternatives; leading spaces are part of a text. Rows are counted as a spreadsheet shows them: the
    header is row 1, and empty lines count.

    Raises
    ------
    FileError
        The file cannot be read.
    TaskError
        It is no CSV file of a task, or not UTF-8.
    """
    name = shown(Path(path).name)
    # newline="" keeps line breaks within a cell as they are.
    numbered = list(_records(StringIO(_text(path), newline=""), name))
    if not numbered:
        raise TaskError(f"{name} has no header; expected {', '.join(REQUIRED)} and perhaps more.")
    (_, header), *rows = numbered
    twice = [column for column, n in Counter(header).items() if n > 1]
    if twice:
        raise TaskError(f"{name} has the column {shown(twice[0])} twice; give it once.")
    _check_columns(dict.fromkeys(header), set(header), f"The header of {name}")
    places = [f"{name}, row {number}" for number, _ in rows]
    parsed = (_parsed(header, row, place) for (_, row), place in zip(rows, places, strict=True))
    return fields_of_rows(parsed, places)


def _records(lines: StringIO, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every row that is not empty, with its number."""
    number = 0
    reader = csv.reader(lines, strict=True)
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TaskError(
                f"{name}, row {number} (up to line {reader.line_num}) is no CSV: {error}. Close every quote, and write "
                'a quote within a quoted text as "".'
            ) from None
        if row:
            yield number, row


def _parsed(header: list[str], row: list[str], place: str) -> dict[str, Any]:
    if len(row) != len(header):
        raise TaskError(
            f"{place} has {'more' if len(row) > len(header) else 'fewer'} cells than the header "
            f"({len(row)}, not {len(header)}). Quote texts that contain commas."
        )
    return {name: _cell(name, text, place) for name, text in zip(header, row, strict=True)}


def _cell(column: str, text: str, place: str) -> Any:
    if not text:
        return None
    if column in ("answer", "foil"):
        return tuple(text.split("|")) if "|" in text else text
    if column.startswith("@") and (index := re.fullmatch(r"[ \t]*(-?[0-9]+)[ \t]*", text)):
        if len(index[1]) > MAX_DIGITS:
            raise TaskError(
                f"{place}, column {shown(column)}: {shown(text)} is too large for an index."
            )
        return int(index[1])
    return text


def _text(path: str | Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte-order mark.

    Raises
    ------
    FileError
        The file cannot be read.
    TaskError
        It has another encoding.
    """
    content = read_file(path, MAX_BYTES, "Read it in parts, and give them to Task.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        line = content.count(b"\n", 0, error.start) + 1
        found = "It is UTF-16" if utf16 else f"Byte {content[error.start]:#x} in line {line} is not"
        raise TaskError(
            f"{shown(Path(path).name)} is not UTF-8. {found}; save it as UTF-8 (in Excel: CSV UTF-8)."
        ) from None


def json_data(
    pairs: Sequence[Fields], single: bool, bos: bool | None, chat: bool, foil_expected: bool
) -> dict[str, Any]:
    """Return a task as data, with the fields of every pair written out.

    Parameters
    ----------
    pairs
        The fields of each pair as a task of its own, without `align` if the task has none.
    single
        Whether the task is one pair and not a dataset, which may also have one pair.
    bos, chat, foil_expected
        As for `Task`. The last is written where it is False, so that other files read as before in earlier versions.
    """
    content = {
        "pairs": [row_of(pair) for pair in pairs],
        "single": single,
        "bos": bos,
        "chat": chat,
    }
    return content | ({} if foil_expected else {"foil_expected": False})


def json_text(content: dict[str, Any]) -> str:
    """Return what `json_data` returned as JSON."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def row_of(pair: Fields) -> dict[str, Any]:
    """Return the fields of a pair as a row of a table; the inverse of `fields_of_rows`."""
    row = {name: pair[name] for name in REQUIRED}
    if pair["foil"] is not None:
        row["foil"] = pair["foil"]
    if "align" in pair:
        row["align"] = pair["align"]
    return row | {f"@{name}": position for name, position in pair["positions"].items()}


def read_json(path: str | Path) -> Fields:
    """Return the fields of a task from a JSON file; errors as in `fields_of_json`."""
    content = _parsed_json(_text(path), shown(Path(path).name))
    if isinstance(content, dict) and HEADER in content:
        return task_fields(read(path, "task", max_bytes=MAX_BYTES))
    return fields_of_data(content, shown(Path(path).name))


def fields_of_json(text: str, name: str) -> Fields:
    """Return the fields of a task from the text of such a file; `name` is what messages call it.

    Raises
    ------
    TaskError
        The text is something else.
    """
    return fields_of_data(_parsed_json(text, name), name)


def _parsed_json(text: str, name: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise TaskError(
            f"{name} is not a task: it is no JSON ({error}). Write one with Task.to_json."
        ) from None


def task_fields(opened: Opened) -> Fields:
    """Return the fields of a task from a file that was opened.

    Raises
    ------
    TaskError
        It holds something else.
    """
    return fields_of_data(opened.content, shown(Path(opened.path).name))


def fields_of_data(content: Any, name: str) -> Fields:
    """Return the fields of a task from what `json_data` returned; errors as in `fields_of_json`."""
    with Uninterrupted():
        from patchwidgets.tasks.schema import checked_file

    file = checked_file(content, name)
    n_pairs = len(file.pairs)
    if file.single and n_pairs > 1:
        raise TaskError(f"{name} says that it has a single pair, and has {n_pairs}.")
    fields = fields_of_rows(file.pairs, [f"{name}, pairs[{i}]" for i in range(n_pairs)])
    if file.single:
        fields = {name: _first(value) for name, value in fields.items()}
    else:
        fields = _given_once(fields, file.once, name)
    return fields | {"bos": file.bos, "chat": file.chat, "foil_expected": file.foil_expected}


def _first(value: Any) -> Any:
    """Return the entry of the first pair in a field of a dataset; for positions, in each of them."""
    if isinstance(value, dict):
        return {name: entries[0] for name, entries in value.items()}
    return None if value is None else value[0]


def _given_once(fields: Fields, names: Sequence[str], place: str) -> Fields:
    """Return the fields of a dataset with one entry in place of a list where that is what the task was given."""
    positions = dict(fields["positions"])
    fields = fields | {"positions": positions}
    for name in names:
        where, key = (positions, name[1:]) if name.startswith("@") else (fields, name)
        entries = where.get(key)
        if (
            name in REQUIRED[:2]
            or not isinstance(entries, list)
            or entries != entries[:1] * len(entries)
        ):
            raise TaskError(
                f"{place} says that {shown(name)} is given once, and its pairs differ in it."
            )
        where[key] = entries[0]
    return fields
