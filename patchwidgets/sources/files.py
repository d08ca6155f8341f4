"""Sources as JSON, and back. Costs nothing."""

import json
from inspect import signature
from typing import Any

from patchwidgets.errors import PatchError, shown
from patchwidgets.sources.ablations import mean, noise, resample, zero
from patchwidgets.sources.attention import Cut, cut
from patchwidgets.sources.moved import At, Steer, SteerDifference, at, steer
from patchwidgets.sources.source import RUN_CHOICES, SourceData
from patchwidgets.storage import parse_json
from patchwidgets.tasks import Task
from patchwidgets.tasks.json_file import fields_of_json

_MAKE: dict[str, Any] = {
    "zero": zero,
    "mean": mean,
    "resample": resample,
    "noise": noise,
    "at": at,
    "cut": cut,
    "steer": steer,
}
"""The functions that make sources which are data."""


def to_json(source: "SourceData | str") -> str:
    """Return a source as JSON: a name such as ``"clean"``, or one of this module.

    Raises
    ------
    PatchError
        It holds a tensor or a `Run`, which is no data.

    Examples
    --------
    >>> text = pw.sources.to_json(pw.sources.noise(scale=2.0, n=5, seed=7))
    >>> text
    '{"kind": "noise", "scale": 2.0, "n": 5, "seed": 7}'
    >>> pw.sources.from_json(text)
    pw.sources.noise(scale=2.0, n=5, seed=7)
    """
    return json.dumps(to_data(source), ensure_ascii=False)


def from_json(text: str) -> "SourceData | str":
    """Return the source that `to_json` wrote.

    Raises
    ------
    PatchError
        The text is something else.

    Examples
    --------
    See `to_json`.
    """
    try:
        data = parse_json(text)
    except ValueError as error:
        raise PatchError(f"{shown(text)} is no source: it is no JSON ({error}).") from None
    return from_data(data)


def to_data(source: object) -> Any:
    """Return a source as texts, numbers, lists and dicts; as `to_json`."""
    if isinstance(source, str) and source in RUN_CHOICES:
        return source
    if isinstance(source, Steer) or not isinstance(source, SourceData):
        kind = "steer(), which holds a tensor," if isinstance(source, Steer) else "A tensor or Run"
        raise PatchError(
            f"{kind} is no data, so that it cannot be written as JSON: got {shown(source)}. Save the numbers "
            "themselves, for instance with safetensors."
        )
    data: dict[str, Any] = {"kind": source.kind}
    plain, named = source.arguments()
    if isinstance(source, Cut):
        data["keys"] = plain
    if isinstance(source, At):
        data["site"] = plain[0]
    if isinstance(source, SteerDifference):
        data["vector"] = plain[0]
    return data | {name: _plain(value, source) for name, value in named.items()}


def data_or_text(source: object) -> Any:
    """Return a source as data or, where it is none, a text that says what it is, for people to read."""
    try:
        return to_data(source)
    except PatchError:
        return str(source) if isinstance(source, SourceData) else f"a {type(source).__name__}"


def data_in_words(data: Any) -> str:
    """Return what `data_or_text` returned as a short text."""
    return data[:200] if isinstance(data, str) else str(from_data(data))


def _plain(value: object, source: SourceData) -> Any:
    if isinstance(value, Task):
        return json.loads(value.json_text())
    if value is None or isinstance(value, str | int | float):
        return value
    raise PatchError(
        f"{source} reads a Run, which is no data; give it the task whose prompts ran, or one of the names "
        f"{', '.join(RUN_CHOICES)}."
    )


def from_data(data: Any) -> "SourceData | str":
    """Return the source that `to_data` described; errors as in `from_json`."""
    if isinstance(data, str) and data in RUN_CHOICES:
        return data
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in _MAKE:
        raise PatchError(
            f"{shown(data)} is no source; expected one of {', '.join(RUN_CHOICES)}, or a kind out of "
            f"{', '.join(_MAKE)}."
        )
    named = {name: value for name, value in data.items() if name != "kind"}
    if isinstance(named.get("of"), dict):
        named["of"] = Task(**fields_of_json(json.dumps(named["of"]), f"{kind}(of=...)"))
    keys = named.pop("keys", []) if kind == "cut" else []
    if not isinstance(keys, list):
        raise PatchError(f"cut has the keys {shown(keys)}; expected a list of positions.")
    if kind == "steer" and not isinstance(named.get("vector"), str):
        raise PatchError("A steering vector as data is 'clean - corrupted'; numbers are no data.")
    try:
        made: SourceData = _MAKE[kind](*keys, **named)
    except TypeError:
        allowed = ", ".join(signature(_MAKE[kind]).parameters) or "no arguments"
        raise PatchError(f"{kind}() takes {allowed}; got {', '.join(map(shown, named))}.") from None
    return made
