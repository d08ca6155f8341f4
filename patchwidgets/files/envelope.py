"""The header of every JSON file that `save` writes: what it holds, in which form, by which version, of which weights.

This is the only place where it is written and checked. A checksum covers the header and all content, so that a file
comes back the same or is refused. Reading costs some 20 ms per megabyte.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from patchwidgets.errors import FileError, shown
from patchwidgets.storage import check_ending, parse_json, read_file, reason, write_file

MAX_BYTES = 2**26
"""The size up to which a file is read by default."""
BYTES_PER_PART = 16
"""A file may have one number, text, list or object for so many of the bytes up to which it is read: small ones take far
more memory than characters."""
ADVICE = "Say max_bytes= to read more."
HEADER = "patchwidgets"
LONGEST_NAME = 1000
"""Characters of a site, of a metric's name or label, or of a model's name."""
_FINGERPRINT = re.compile(r"([0-9a-f]{64})?")

_Read = TypeVar("_Read")


class Kind(NamedTuple):
    """One kind of file: the newest format that is known, what messages call it, and what writes it."""

    newest: int
    words: str
    writer: str


KINDS: dict[str, Kind] = {
    "task": Kind(1, "a task", "Task.save"),
    "circuit": Kind(1, "a circuit", "Circuit.save"),
    "circuit result": Kind(1, "the result of a circuit", "CircuitResult.save"),
    "faithfulness curve": Kind(1, "a faithfulness curve", "FaithfulnessCurve.save"),
    "history": Kind(1, "the history of an explorer", "w.history.save"),
    "explorer": Kind(1, "an explorer", "w.save"),
    "job": Kind(1, "the beginning of a computation in parts", "a call with resume="),
    "part": Kind(1, "a part of a computation", "a call with resume="),
}
MIB = "circuit of the MIB benchmark"
"""What a file without a header is that `Circuit.to_json` wrote."""


@dataclass(frozen=True)
class Stamp:
    """Of which model the numbers of a file are.

    Attributes
    ----------
    name, dtype
        Of the model.
    weights
        The fingerprint of its weights, from `weights_checksum`; empty where they could not be read.
    """

    name: str
    weights: str = ""
    dtype: str = ""


@dataclass(frozen=True)
class Opened:
    """A file that was read, whose header and checksum are right. Its content is still to be checked.

    Attributes
    ----------
    path
        What messages call it.
    kind
        What it holds: a key of `KINDS`, or `MIB`.
    content
        All but the header.
    stamp
        Of which model it is; None where it depends on none, or the file is of an earlier version.
    """

    path: str
    kind: str
    content: dict[str, Any]
    stamp: Stamp | None = None

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Say of any content that does not fit that the file is damaged."""
        try:
            yield
        except (ValueError, TypeError, KeyError, MemoryError) as error:
            kind = KINDS[self.kind]
            raise FileError(
                f"{shown(self.path)} is not {kind.words}, or is damaged ({reason(error)}); expected a file that "
                f"{kind.writer} wrote. Use a copy of the file, or save it again."
            ) from error


def write(
    path: str | Path, kind: str, content: Mapping[str, Any], stamp: Stamp | None = None
) -> None:
    """Write a file of a kind, as a whole or not at all.

    Raises
    ------
    FileError
        The disk is full, the place cannot be written, or the content holds what JSON cannot: NaN, an infinity, or half
        of a surrogate pair; or the name of the file promises another form.
    """
    check_ending(path, "JSON", ".json")
    described: dict[str, Any] = {
        "kind": kind,
        "format": KINDS[kind].newest,
        "version": version("patchwidgets"),
        "model": None if stamp is None else asdict(stamp),
    }
    try:
        described["sha256"] = _checksum(described, content)
        whole = {HEADER: described} | dict(content)
        # One line for each part: people look into files, and compare them.
        lines = ",\n".join(f"{_json(name)}: {_json(part)}" for name, part in whole.items())
        text = f"{{\n{lines}\n}}\n".encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise FileError(
            f"{KINDS[kind].words.capitalize()} cannot be written as {shown(str(path))} ({reason(error)}). A file holds "
            "finite numbers and texts that UTF-8 has."
        ) from error
    write_file(path, text)


def read(path: str | Path, *kinds: str, max_bytes: int | None = None) -> Opened:
    """Read a file of one of these kinds, or of any.

    Parameters
    ----------
    max_bytes
        The size up to which it is read; `MAX_BYTES` by default.

    Raises
    ------
    FileError
        It cannot be read, is too large, is damaged, holds something else, or is of a later version.
    """
    most = MAX_BYTES if max_bytes is None else max_bytes
    content = read_file(path, most, ADVICE)
    opened = _opened(str(path), content, most // BYTES_PER_PART)
    if kinds and opened.kind not in kinds:
        found = KINDS[opened.kind].words if opened.kind in KINDS else f"a {opened.kind}"
        expected = " or ".join(KINDS[kind].words for kind in kinds if kind in KINDS)
        raise FileError(
            f"{shown(str(path))} holds {found}; expected {expected}. Open it with pw.open(path)."
        )
    return opened


def read_as(
    path: str | Path, kind: str, decode: Callable[[Opened], _Read], max_bytes: int | None = None
) -> _Read:
    """Read a file of one kind and make of it what it holds; errors as in `read`."""
    return decode(read(path, kind, max_bytes=max_bytes))


def _opened(path: str, content: bytes, most_parts: int) -> Opened:
    _refuse_other_forms(path, content)
    n_parts = sum(map(content.count, (b",", b"[", b"{")))
    if n_parts > most_parts:
        raise FileError(
            f"{shown(path)} has {n_parts:,} numbers, texts, lists and objects; at most {most_parts:,} are read. "
            f"{ADVICE}"
        )
    try:
        whole = parse_json(content)
    except (ValueError, MemoryError) as error:
        raise FileError(
            f"{shown(path)} is no JSON ({reason(error)}), or it was cut; {_expected()}. Use a copy of the file."
        ) from None
    described = whole.get(HEADER) if isinstance(whole, dict) else None
    if not isinstance(described, dict):
        return _without_header(path, whole)
    content_of = {name: part for name, part in whole.items() if name != HEADER}
    kind = _checked_kind(path, described)
    expected = _checksum({k: each for k, each in described.items() if k != "sha256"}, content_of)
    if described.get("sha256") != expected:
        hint = " Task.to_json writes tasks that can be edited by hand." if kind == "task" else ""
        raise FileError(
            f"{shown(path)} is damaged, or was changed by hand: its checksum is not that of its content. Use a copy of "
            f"the file, or save it again.{hint}"
        )
    opened = Opened(path, kind, content_of)
    with opened.decoding():
        return Opened(path, kind, content_of, _stamp(described))


def _refuse_other_forms(path: str, content: bytes) -> None:
    """Say of what is clearly something else what it is."""
    start = content.lstrip()[:9].lower()
    found = ""
    if not start:
        found = "is empty"
    elif start.startswith(b"\x80") or content.startswith(b"PK\x03\x04"):
        found = "is a pickle or an archive, which may run code and is never read"
    elif start.startswith(b"\x89hdf"):
        found = "is a netCDF file, as SweepResult.save writes it"
    elif start.startswith((b"<!doctype", b"<html")):
        found = "is a page, which a browser opens"
    if found:
        raise FileError(f"{shown(path)} {found}; {_expected()}. Check the name of the file.")


def _without_header(path: str, whole: Any) -> Opened:
    """Take a file of `Task.to_json` or `Circuit.to_json`, which have no header."""
    if isinstance(whole, dict) and HEADER not in whole:
        if "pairs" in whole:
            return Opened(path, "task", whole)
        if {"cfg", "nodes", "edges"} <= whole.keys():
            return Opened(path, MIB, whole)
    raise FileError(
        f"{shown(path)} does not say that patchwidgets wrote it; {_expected()}. Check the name of the file."
    )


def _expected() -> str:
    return "expected a JSON file that patchwidgets saved, such as w.save('session.json') writes"


def _checked_kind(path: str, described: Mapping[str, Any]) -> str:
    """Return what a file holds, if this version knows the kind and its format."""
    kind, form = described.get("kind"), described.get("format")
    known = KINDS.get(kind) if isinstance(kind, str) else None
    if known is not None and type(form) is int and 1 <= form <= known.newest:
        return str(kind)
    reads = f"the kinds {', '.join(KINDS)}" if known is None else f"it up to format {known.newest}"
    raise FileError(
        f"{shown(path)} holds {shown(kind)} in format {shown(form)}, written by patchwidgets "
        f"{shown(described.get('version'))}; this version, {version('patchwidgets')}, reads {reads}. Update "
        "patchwidgets: pip install -U patchwidgets."
    )


def _stamp(described: Mapping[str, Any]) -> Stamp | None:
    if set(described) != {"kind", "format", "version", "model", "sha256"}:
        raise ValueError(f"its header has {shown(sorted(described))}")
    model = described["model"]
    if model is None:
        return None
    names = [each.name for each in fields(Stamp)]
    if not isinstance(model, dict) or set(model) != set(names):
        raise ValueError(f"its model is {shown(model)}; expected {', '.join(names)}")
    for name, text in model.items():
        if not isinstance(text, str) or len(text) > LONGEST_NAME:
            raise ValueError(f"its model has the {name} {shown(text)}; expected a short text")
    if not _FINGERPRINT.fullmatch(model["weights"]):
        raise ValueError(f"its model has the weights {shown(model['weights'])}")
    return Stamp(**model)


def _checksum(described: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_json([described, content]).encode()).hexdigest()


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
