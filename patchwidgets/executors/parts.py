"""A folder with the parts of a computation: each is written as a whole when it comes, and taken up by a later call.

In it are ``job.json``, which says what is computed, and a file for each piece. Costs two syncs with the disk per piece.
"""

import base64
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import FileError, shown
from patchwidgets.executors.job import Job, differences
from patchwidgets.files.envelope import Opened, read, write
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.sweep.pieces import Arrays, Piece, checksum

if TYPE_CHECKING:
    from patchwidgets.executors.schema import JobSchema

_LOG = logging.getLogger(__name__)
JOB = "job.json"
MAX_BYTES = 2**32
"""The size up to which a part is read."""


def remembered(folder: str | Path | None) -> dict[str, Any]:
    """How the work was packed into passes when a folder was begun; empty where nothing has begun.

    Raises
    ------
    FileError
        The folder holds something else.
    """
    if folder is None or not (Path(folder) / JOB).exists():
        return {}
    return _read_job(Path(folder)).options


class Parts:
    """The parts of one computation in a folder, which is made if it is not there.

    Parameters
    ----------
    folder
        Where they are.
    job
        What is computed.

    Raises
    ------
    FileError
        The folder holds parts of another computation, or cannot be written.
    """

    def __init__(self, folder: str | Path, job: Job) -> None:
        self._folder, self._stamp = Path(folder), job.stamp
        described = job.described()
        self._job = _name_of(described)
        if (self._folder / JOB).exists():
            _check(self._folder, described)
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"The folder {shown(str(folder))} cannot be made ({error.strerror}). Name a folder that may be made."
            ) from error
        if any(self._folder.glob("part-*.json")):
            raise FileError(
                f"{shown(str(folder))} has parts, but no {JOB} that says of what. Name an empty or a new folder."
            )
        content = {"described": described, "options": job.options}
        write(self._folder / JOB, "job", content, self._stamp)

    def known(self, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, Arrays]]:
        """Those pieces that are there already. A damaged part is as one that is not there; that is logged."""
        for piece in pieces:
            path = self._path(piece)
            if path.exists() and (arrays := self._read(path, piece)) is not None:
                yield piece, arrays

    def keep(self, piece: Piece, arrays: Arrays) -> None:
        """Write a part."""
        content = {
            "job": self._job,
            "start": piece.items.start,
            "stop": piece.items.stop,
            "check": piece.check,
            "arrays": {name: _array_data(array) for name, array in arrays.items()},
        }
        write(self._path(piece), "part", content, self._stamp)

    def _path(self, piece: Piece) -> Path:
        return self._folder / f"part-{piece.items.start:07d}-{piece.items.stop:07d}.json"

    def _read(self, path: Path, piece: Piece) -> Arrays | None:
        with Uninterrupted():
            from patchwidgets.executors.schema import PartSchema

        try:
            opened = read(path, "part", max_bytes=MAX_BYTES)
            with opened.decoding():
                part = PartSchema.model_validate(opened.content)
                arrays = {name: each.array() for name, each in part.arrays.items()}
        except FileError as error:
            _LOG.warning("%s It is computed again.", error)
            return None
        where = (part.start, part.stop, part.check)
        if part.job != self._job or where != (piece.items.start, piece.items.stop, piece.check):
            raise FileError(
                f"{shown(str(path))} is a part of another computation than {JOB} beside it says. Name a new folder."
            )
        return arrays


def _read_job(folder: Path) -> "JobSchema":
    with Uninterrupted():
        from patchwidgets.executors.schema import JobSchema

    opened: Opened = read(folder / JOB, "job", max_bytes=MAX_BYTES)
    with opened.decoding():
        return JobSchema.model_validate(opened.content)


def _check(folder: Path, described: Mapping[str, str]) -> None:
    if unlike := differences(described, _read_job(folder).described):
        raise FileError(
            f"{shown(str(folder))} holds parts of another computation ({unlike}). Repeat the call that began it, or "
            "name a new folder."
        )


def _name_of(described: Mapping[str, str]) -> str:
    return checksum(f"{name}={described[name]}" for name in sorted(described))


def _array_data(array: "np.ndarray[Any, Any]") -> dict[str, Any]:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    content = base64.b64encode(little.tobytes()).decode()
    return {"dtype": little.dtype.str, "shape": list(array.shape), "base64": content}
