"""Tasks in JSON files, and as data in other files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patchwidgets.errors import TaskError, shown
from patchwidgets.files.envelope import HEADER, Opened, read
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.storage import parse_json
from patchwidgets.tasks.table import REQUIRED, Fields, fields_of_rows, row_of
from patchwidgets.tasks.text import MAX_BYTES, read_text


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


def read_json(path: str | Path) -> Fields:
    """Return the fields of a task from a JSON file; errors as in `fields_of_json`."""
    content = _parsed_json(read_text(path), shown(Path(path).name))
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
