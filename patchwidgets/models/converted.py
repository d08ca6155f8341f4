"""The cache of converted models: a folder is there wholly and unchanged, or it is made again, and the log says so.

Every use reads all files once to compare their checksums: 0.4–0.7 s for the 540 MB of SmolLM2. Sizes and times of
change would be faster to compare, but a disk that lost a bit changes neither.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from patchwidgets.errors import LoadError, PatchwidgetsError, in_one_line

_LOG = logging.getLogger(__name__)
_MANIFEST = "manifest.json"
_PATIENCE = 600.0
"""How long to wait for another process that converts the same model, in seconds."""


def cache_folder() -> Path:
    """Return the folder of the cache: ``$PATCHWIDGETS_CACHE``, or one in the user's own cache."""
    chosen = os.environ.get("PATCHWIDGETS_CACHE")
    return Path(chosen) if chosen else user_cache_path("patchwidgets")


def converted(name: str, convert: Callable[[Path], None]) -> Path:
    """Return the folder of a converted model; it is converted if it is not there, or not as it was written.

    Of several processes that want the same model, one converts it and the others wait. What a killed process left
    behind is removed.

    Parameters
    ----------
    name
        Of the folder in the cache.
    convert
        Writes the model into an empty folder.

    Raises
    ------
    LoadError
        The cache cannot be written; or the conversion failed.
    """
    folder = cache_folder() / name
    if _damage(folder) is None:
        _LOG.debug("The converted model in %s is used.", folder)
        _clean(folder)
        return folder
    with _writing(folder):
        _remove_leftovers(folder)
        damage = _damage(folder)  # another process may have made it meanwhile
        if damage is not None:
            if folder.exists():
                _LOG.warning(
                    "The converted model in %s is damaged: %s. It is made again.", folder, damage
                )
            _make(folder, convert)
    return folder


def _make(folder: Path, convert: Callable[[Path], None]) -> None:
    """Convert beside the folder, and put the result in its place only when all of it is on the disk."""
    unfinished = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
    try:
        made = unfinished / "made"
        made.mkdir()
        convert(made)
        _write_manifest(made)
        if folder.exists():
            folder.rename(unfinished / "damaged")
        made.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _damage(folder: Path) -> str | None:
    """Return how a folder differs from what was written, or None if it does not."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        found = {path.name for path in _files(folder)}
        if not isinstance(manifest, dict) or not manifest:
            return f"{_MANIFEST} lists no files"
        if found != manifest.keys():
            return (
                f"{', '.join(sorted(found ^ manifest.keys()))} is missing or does not belong there"
            )
        for name in sorted(found):
            if _checksum(folder / name) != manifest[name]:
                return f"{name} has another checksum"
    except (OSError, ValueError) as error:
        return f"{_MANIFEST} or a file cannot be read ({in_one_line(error)})"
    return None


def _write_manifest(folder: Path) -> None:
    files = list(_files(folder))
    for path in files:
        _sync(path)
    manifest = folder / _MANIFEST
    manifest.write_text(json.dumps({path.name: _checksum(path) for path in files}), "utf-8")
    _sync(manifest)
    _sync(folder)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a model; file managers add hidden ones of their own."""
    for path in folder.iterdir():
        if path.name != _MANIFEST and not path.name.startswith("."):
            yield path


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _prefix(folder: Path) -> str:
    return f".{folder.name}-unfinished-"


def _leftovers(folder: Path) -> list[Path]:
    """Return the temporary folders of killed processes, or of one that is at work."""
    return list(folder.parent.glob(f"{_prefix(folder)}*"))


def _clean(folder: Path) -> None:
    """Remove leftovers beside a folder that is in order, if nobody is at work there and the cache can be written."""
    if _leftovers(folder):
        with suppress(OSError, Timeout), _lock(folder, timeout=0):
            _remove_leftovers(folder)


def _lock(folder: Path, timeout: float) -> FileLock:
    return FileLock(folder.parent / f".{folder.name}.lock", timeout=timeout)


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary folders of killed processes; only the process with the lock may have one."""
    for path in _leftovers(folder):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder in the cache; what the disk refuses inside the ``with`` block is a `LoadError`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder, _PATIENCE):
            yield
    except PatchwidgetsError:
        raise
    except Timeout as error:
        raise LoadError(
            f"Another process has been converting {folder.name} for {_PATIENCE / 60:.0f} minutes. End it, or name "
            "another folder with PATCHWIDGETS_CACHE."
        ) from error
    except Exception as error:  # safetensors and filelock have errors of their own for a full disk
        raise LoadError(
            f"The model cannot be converted into {folder.parent} ({in_one_line(error)}). Make room there, or name "
            "another folder with the environment variable PATCHWIDGETS_CACHE."
        ) from error
