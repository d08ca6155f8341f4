"""The fields of a task, checked one by one. Costs nothing."""

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

from patchwidgets.errors import TaskError, shown
from patchwidgets.tasks.alignment import MAX_POSITION

PositionSpec = int | str
"""An index into the full prompt (negative counts from its end), or a text: the last token of its last occurrence."""


def checked_texts(name: str, value: Any) -> Any:
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


def plain_positions(positions: Mapping[str, Any]) -> dict[str, Any]:
    """Positions with Python's own integers and lists: numpy's would be read as texts, and are no JSON."""
    if not isinstance(positions, Mapping):
        raise TaskError(
            f"positions is {shown(positions)}; expected names with an index or a text each, as in {{'S2': 9}}."
        )
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
