"""Tasks in CSV files."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from patchwidgets.errors import TaskError, shown
from patchwidgets.storage import MAX_DIGITS
from patchwidgets.tasks.mistakes import Mistakes
from patchwidgets.tasks.table import REQUIRED, Fields, check_columns, fields_of_rows
from patchwidgets.tasks.text import read_text


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
    name, numbered = shown(Path(path).name), _numbered(path)
    if not numbered:
        raise TaskError(f"{name} has no header; expected {', '.join(REQUIRED)} and perhaps more.")
    (_, header), *rows = numbered
    twice = [column for column, n in Counter(header).items() if n > 1]
    if twice:
        raise TaskError(f"{name} has the column {shown(twice[0])} twice; give it once.")
    check_columns(dict.fromkeys(header), set(header), f"The header of {name}")
    places = [f"{name}, row {number}" for number, _ in rows]
    parsed, mistakes = [], Mistakes()
    for (_, row), place in zip(rows, places, strict=True):
        with mistakes.noted():
            parsed.append(_parsed(header, row, place))
    mistakes.check()
    return fields_of_rows(parsed, places)


def csv_rows(path: str | Path) -> list[int]:
    """Return the row of each pair of such a file, counted as messages do; errors as in `read_csv`."""
    return [number for number, _ in _numbered(path)[1:]]


def _numbered(path: str | Path) -> list[tuple[int, list[str]]]:
    # newline="" keeps line breaks within a cell as they are.
    return list(_records(StringIO(read_text(path), newline=""), shown(Path(path).name)))


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
