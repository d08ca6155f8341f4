"""Files that people keep: read only up to a known size, and written so that none is ever half there.

Writing costs two syncs with the disk.
"""

import hashlib
import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, EINVAL, ENOSPC
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from patchwidgets.errors import FileError, in_one_line, shown, type_named

if sys.platform != "win32":
    import fcntl

MAX_DIGITS = 19
"""How long a whole number may be: as long as those of 64 bits."""
_OTHER_FORMS = {
    ".csv": "a table: result.to_frame().to_csv(path)",
    ".tsv": "a table: result.to_frame().to_csv(path, sep='\\t')",
    ".xlsx": "a table: result.to_frame().to_excel(path)",
    ".html": "a page: exp.to_html(path), or to_html of the explorer",
    ".pdf": "a figure: pw.plot.heatmap(s).figure.savefig(path), or another of pw.plot",
    ".png": "a figure: pw.plot.heatmap(s).figure.savefig(path), or another of pw.plot",
    ".svg": "a figure: pw.plot.heatmap(s).figure.savefig(path), or another of pw.plot",
    ".mmd": "a Mermaid chart: result.to_mermaid() is its text",
    ".pkl": "a file that runs code as it is opened, which patchwidgets never writes",
    ".pickle": "a file that runs code as it is opened, which patchwidgets never writes",
}
"""What somebody expects of a file whose name ends so."""
_NO_SPACE = (ENOSPC, EDQUOT, EFBIG)


def write_file(path: str | Path, content: bytes) -> None:
    """Write a file as a whole: whatever happens, the earlier file or the new one is there, and never a part.

    The content goes to an unfinished file beside the target, is synced with the disk, and then takes the target's name.
    Unfinished files that a killed process left are removed by the next one that writes to this name.

    Raises
    ------
    FileError
        The disk is full, or the place cannot be written. The earlier file is unchanged.
    """
    check_path(path)
    try:
        target = Path(os.path.realpath(path))  # what a link leads to, so that the link stays
        mode = _mode_to_keep(target)
        _remove_leftovers(target)
        with _unfinished(target, mode) as (file, name):
            _write_all(file, content)
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # an open file cannot be renamed there
            os.replace(name, target)
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise FileError(_not_written(path, len(content), error)) from error


def check_path(path: object) -> None:
    """Refuse what is no name of a file, such as the result that belongs into one.

    Raises
    ------
    FileError
        It is neither a text nor a `pathlib.Path`.
    """
    if not isinstance(path, str | os.PathLike):
        raise FileError(
            f"Expected the name of a file, as 'sweep.nc' or a pathlib.Path; got {type_named(path)}."
        )


def check_ending(path: str | Path, form: str, ending: str) -> None:
    """Refuse to write one form of file under a name that promises another.

    Parameters
    ----------
    path
        Where it would be written.
    form, ending
        What is written, and how its name usually ends: ``"JSON"`` and ``".json"``.

    Raises
    ------
    FileError
        The name ends like that of another form; it says how to write that one.
    """
    check_path(path)
    given = Path(path).suffix.lower()
    swapped = {".json": "JSON", ".nc": "netCDF"}.get(given, form) != form
    if given not in _OTHER_FORMS and not swapped:
        return
    instead = f" A {given} is {_OTHER_FORMS[given]}." if given in _OTHER_FORMS else ""
    raise FileError(
        f"{shown(str(path))} ends in {given}, but this is written as {form}: let its name end in {ending}.{instead}"
    )


def _mode_to_keep(target: Path) -> int | None:
    """Return the permissions of the earlier file, or None if there is none.

    Raises
    ------
    OSError
        It may not be written, or it is no plain file, such as a folder or ``/dev/null``, which must not be replaced.
    """
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(EINVAL, "it is a folder or a device; name a plain file")
    if not os.access(target, os.W_OK):
        raise PermissionError("the file that is there may not be written")
    return stat.S_IMODE(found.st_mode)


@contextmanager
def _unfinished(target: Path, mode: int | None) -> Iterator[tuple[FileIO, Path]]:
    """Open a new file beside the target; on the way out, remove it if it has not become the target."""
    file, name = _locked_file(target)
    try:
        if mode is not None:
            os.chmod(name, mode)
        yield file, name
    finally:
        if sys.platform == "win32":
            file.close()  # an open file cannot be removed there
        with suppress(OSError):
            name.unlink()
        file.close()


def _locked_file(target: Path) -> tuple[FileIO, Path]:
    """Create an unfinished file whose lock says that its writer lives."""
    while True:
        name = target.with_name(f"{_beginning(target)}{secrets.token_hex(8)}")
        file = FileIO(name, "xb")
        if sys.platform == "win32":
            return file, name
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            return file, name  # a network folder without locks
        if os.fstat(file.fileno()).st_nlink:
            return file, name
        file.close()  # another writer took it for a leftover before it was locked


def _beginning(target: Path) -> str:
    """Return the beginning of the names of unfinished files: as short for a long name as for a short one."""
    return f".patchwidgets-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def _remove_leftovers(target: Path) -> None:
    """Remove unfinished files of writers that no longer live, because their locks went with them."""
    if sys.platform == "win32":
        return
    beginning = _beginning(target)
    for name in os.listdir(target.parent):
        if name.startswith(beginning):
            with suppress(OSError), target.with_name(name).open("rb") as leftover:
                fcntl.flock(leftover, fcntl.LOCK_EX | fcntl.LOCK_NB)
                target.with_name(name).unlink()


def _write_all(file: FileIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where folders can be synced."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _not_written(path: str | Path, size: int, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    what_to_do = (
        f"Free {size:,} bytes, or name another folder"
        if getattr(error, "errno", None) in _NO_SPACE
        else "Name a file in a folder that exists and that you may write to"
    )
    return (
        f"{shown(str(path))} could not be written ({reason}); if there was an earlier file, it is unchanged. "
        f"{what_to_do}."
    )


def read_file(path: str | Path, max_bytes: int, advice: str) -> bytes:
    """Return the content of a plain file, if it is not too large.

    Parameters
    ----------
    max_bytes
        The largest size that is read.
    advice
        What a person can do with a larger file, as a sentence.

    Raises
    ------
    FileError
        There is no such file, it cannot be read, it is no plain file, or it is larger.
    """
    with _opened(path) as (file, size):
        if size > max_bytes:
            raise FileError(
                f"{shown(str(path))} has {size:,} bytes; at most {max_bytes:,} are read. {advice}"
            )
        return file.read(size)


def read_start(path: str | Path, n_bytes: int) -> bytes:
    """Return the first bytes of a plain file, by which its form is known; raises as `read_file`."""
    with _opened(path) as (file, _):
        return file.read(n_bytes)


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a plain file to read it, with its size."""
    check_path(path)
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FileError(f"{shown(str(path))} is a folder or a device; name a plain file.")
            yield file, found.st_size
    except FileError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(
            f"{shown(str(path))} cannot be read ({reason}). Check the name and your permissions."
        ) from error


def reason(error: Exception) -> str:
    """Return what an error of another library says, in one line: of a schema, the first field that does not fit."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8, or holds half of a surrogate pair"
    problems = getattr(error, "errors", None)
    if callable(problems):
        first = problems(include_url=False, include_input=False, include_context=False)[0]
        return f"{shown('.'.join(map(str, first['loc'])))}: {first['msg'][:200]}"
    return in_one_line(error, width=200)


def parse_json(text: str | bytes, nan: bool = False) -> Any:
    """Return what a JSON text says, and refuse what has no single meaning.

    Parameters
    ----------
    nan
        Read the word ``NaN``, which is no JSON, as None: some programs write it for a number that is missing.

    Raises
    ------
    ValueError
        It is no JSON, is nested too deeply, gives a key twice, or holds NaN, an infinity, a number that is too
        large, or half of a surrogate pair. The message says where, and shows none of the text.

    Examples
    --------
    >>> from patchwidgets.storage import parse_json
    >>> parse_json('{"chat": false, "chat": true}')
    Traceback (most recent call last):
    ...
    ValueError: the key 'chat' is there twice
    """
    try:
        content = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_nan_as_none if nan else _refused,
            parse_int=_whole,
            parse_float=_finite,
        )
        json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg}, at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeError:
        raise ValueError("it is not UTF-8, or holds half of a surrogate pair") from None
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shown(key)} is there twice")
        found[key] = value
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"{_cut(digits)} is too large for a number")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{_cut(digits)} is too large for a number")
    return number


def _cut(digits: str) -> str:
    return shown(digits if len(digits) <= 40 else f"{digits[:40]}…")


def _nan_as_none(name: str) -> float | None:
    return None if name == "NaN" else _refused(name)


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")
