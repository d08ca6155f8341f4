"""Tasks as tables and files: rows with the columns clean, corrupted, answer, foil, align, and ``@name`` for positions.

This module knows the fields of a `Task` by name, but not the class itself.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from patchwidgets.errors import TaskError

TableRow = Mapping[str, Any]
Fields = dict[str, Any]
"""The fields of a `Task` by name."""
REQUIRED = ("clean", "corrupted", "answer")
OPTIONAL = ("foil", "align")


def fields_of_rows(rows: Iterable[TableRow]) -> Fields:
    """Return the fields of a dataset, from its rows.

    Parameters
    ----------
    rows
        Each with `clean`, `corrupted`, `answer` and perhaps `foil`. An answer is a text, or a tuple or list of
        alternatives. `align` is a map, a text such as ``"0:0 1:2"``, or None. Other columns are named positions; their
        names begin with ``@``.

    Raises
    ------
    TaskError
        A column is missing or unknown, or there is no row.
    """
    table = list(rows)
    if not table:
        raise TaskError("The table has no rows; a task needs at least one pair of prompts.")
    for i, row in enumerate(table):
        _check_columns(row, set(table[0]), i)
    positions = {
        name[1:]: [row[name] for row in table] for name in table[0] if name.startswith("@")
    }
    return {
        "clean": [str(row["clean"]) for row in table],
        "corrupted": [str(row["corrupted"]) for row in table],
        "answer": [_alternatives(row["answer"]) for row in table],
        "foil": [_alternatives(row["foil"]) for row in table] if "foil" in table[0] else None,
        "positions": positions,
        "align": [_map(row["align"], i) for i, row in enumerate(table)]
        if "align" in table[0]
        else None,
    }


def _check_columns(row: TableRow, expected: set[str], i: int) -> None:
    missing = [name for name in REQUIRED if name not in row]
    if missing:
        raise TaskError(f"Row {i} lacks {', '.join(missing)}; it has {', '.join(map(str, row))}.")
    unknown = [
        name for name in row if name not in (*REQUIRED, *OPTIONAL) and not str(name).startswith("@")
    ]
    if unknown:
        raise TaskError(
            f"Unknown column {unknown[0]!r}. A task has {', '.join((*REQUIRED, *OPTIONAL))}, "
            f"and positions as '@name': is it '@{unknown[0]}'?"
        )
    if set(row) != expected:
        raise TaskError(
            f"Row {i} has other columns than row 0: {', '.join(sorted(set(row) ^ expected))}. "
            "Give every row the same columns."
        )


def _alternatives(value: Any) -> str | tuple[str, ...]:
    return (
        tuple(map(str, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )


def _map(value: Any, i: int) -> Any:
    """Return the map of counterparts in a cell, where it may be a text such as ``0:0 1:2``; None for an empty cell."""
    if value is None or value != value or value == "":  # a NaN is not equal to itself
        return None
    if not isinstance(value, str):
        return value
    columns = [re.fullmatch(r"(-?\d+):(-?\d+)", part) for part in value.split()]
    if not columns or None in columns:
        raise TaskError(
            f"Row {i}: align is {value!r}; expected clean and corrupted positions, as in '0:0 1:2'."
        )
    return [(int(column[1]), int(column[2])) for column in columns if column is not None]


def read_csv(path: str | Path) -> Fields:
    """Return the fields of a dataset from a CSV file with a header.

    ``|`` separates alternatives; leading spaces are part of a text.
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        return fields_of_rows([_parsed(row, i) for i, row in enumerate(csv.DictReader(file))])


def _parsed(row: dict[str | None, str | None], i: int) -> dict[str, Any]:
    if None in row or None in row.values():
        raise TaskError(
            f"Row {i} has {'more' if None in row else 'fewer'} cells than the header. Quote texts that contain commas."
        )
    return {str(name): _cell(str(name), str(text)) for name, text in row.items()}


def _cell(column: str, text: str) -> Any:
    if column in ("answer", "foil"):
        return tuple(text.split("|")) if "|" in text else text
    is_index = column.startswith("@") and text.strip().removeprefix("-").isdigit()
    return int(text) if is_index else text


def json_text(pairs: Sequence[Fields], single: bool, bos: bool | None, chat: bool) -> str:
    """Return a task as JSON, with the fields of every pair written out.

    Parameters
    ----------
    pairs
        The fields of each pair as a task of its own, without `align` if the task has none.
    single
        Whether the task is one pair and not a dataset, which may also have one pair.
    bos, chat
        As for `Task`.
    """
    content = {"pairs": [_row(pair) for pair in pairs], "single": single, "bos": bos, "chat": chat}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _row(pair: Fields) -> dict[str, Any]:
    row = {name: pair[name] for name in REQUIRED}
    if pair["foil"] is not None:
        row["foil"] = pair["foil"]
    if "align" in pair:
        row["align"] = pair["align"]
    return row | {f"@{name}": position for name, position in pair["positions"].items()}


def read_json(path: str | Path) -> Fields:
    """Return the fields of a task from a JSON file that `json_text` wrote.

    Raises
    ------
    TaskError
        The file contains something else.
    """
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "pairs" not in content:
        raise TaskError(
            f"{path} is not a task: expected an object with 'pairs'. Write one with Task.to_json."
        )
    fields = fields_of_rows(content["pairs"])
    if content.get("single"):
        fields = {name: _first(value) for name, value in fields.items()}
    return fields | {"bos": content.get("bos"), "chat": bool(content.get("chat", False))}


def _first(value: Any) -> Any:
    """Return the entry of the first pair in a field of a dataset; for positions, in each of them."""
    if isinstance(value, dict):
        return {name: entries[0] for name, entries in value.items()}
    return None if value is None else value[0]
