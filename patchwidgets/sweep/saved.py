"""The file of a sweep: netCDF for every tool that reads it, and after it an index and a checksum for `load`.

`load` compares the checksum with the bytes and takes the numbers from where the index says, so that no damage stays
unnoticed and no HDF5 library sees a file that is not known to be whole. Both cost a few milliseconds per megabyte.
Other tools ignore what comes after a netCDF file. A file of version 1 has no index: a process of its own makes one.
"""

import hashlib
import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import FileError, FileWarning, shown, warn
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.storage import parse_json, read_file, reason
from patchwidgets.sweep.dataset import VERSION
from patchwidgets.sweep.saved_index import DATA, SavedIndex

if TYPE_CHECKING:
    import xarray as xr

CUT = "its end is missing: it was cut, or changed by another program"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_END = b"\npatchwidgets sweep\n"
_LENGTH, _CHECKSUM = 8, 32
"""After the index: its length in bytes, and the SHA-256 of all before the checksum."""
_READER = Path(__file__).with_name("netcdf_index.py")
_SECONDS = 60


def to_bytes(dataset: "xr.Dataset") -> bytes:
    """Return the content of the file.

    Raises
    ------
    FileError
        The dataset has something that is no part of a sweep, or that netCDF cannot hold.
    """
    with Uninterrupted():
        from patchwidgets.sweep.netcdf_index import index_of  # which imports h5py

    dataset = dataset.drop_encoding().assign_attrs(patchwidgets_result=VERSION)
    try:
        netcdf = _netcdf(dataset)
        index = index_of(netcdf) | {"coordinates": list(map(str, dataset.coords))}
        text = json.dumps(index, ensure_ascii=False).encode()
        _dataset(parse_json(text), memoryview(netcdf))
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, OSError) as error:
        raise FileError(
            f"This sweep cannot be written as a file ({reason(error)}). A file holds what exp.sweep returns; "
            "write anything else with to_xarray()."
        ) from error
    content = netcdf + text + len(text).to_bytes(_LENGTH, "little")
    return content + hashlib.sha256(content).digest() + _END


def read_sweep(path: str | Path, max_bytes: int) -> "xr.Dataset":
    """Return the dataset of a file; `SweepResult.load` documents it.

    Raises
    ------
    FileError
        The file cannot be read, is too large, is damaged, holds no sweep, or is of a later version.
    """
    content = read_file(path, max_bytes, "Say max_bytes= to read more.")
    try:
        netcdf, index = _parts(content)
        return _dataset(index, netcdf)
    except (ValueError, MemoryError) as error:
        raise FileError(
            f"{shown(str(path))} is not a sweep, or is damaged ({reason(error)}); expected a file that "
            "SweepResult.save wrote. Use a copy of the file, or sweep again."
        ) from error


def _netcdf(dataset: "xr.Dataset") -> bytes:
    with Uninterrupted():
        import h5netcdf
        import xarray as xr

    with BytesIO() as buffer:  # on a full disk, HDF5 would crash the process
        with h5netcdf.File(buffer, "w") as file:
            dataset.dump_to_store(xr.backends.H5NetCDFStore(file))
        return buffer.getvalue()


def _parts(content: bytes) -> tuple[memoryview, Any]:
    """Return the netCDF file and its index.

    Raises
    ------
    ValueError
        The bytes are not those that were written.
    """
    whole = memoryview(content)
    if not content.startswith(_SIGNATURE):
        raise ValueError("it does not begin as a netCDF-4 file")
    if not content.endswith(_END):
        if len(content) != _length_by_header(content):
            raise ValueError(CUT)
        return whole, _index_of_earlier(content)
    end = len(content) - len(_END) - _CHECKSUM
    if hashlib.sha256(whole[: max(0, end)]).digest() != whole[end : end + _CHECKSUM]:
        raise ValueError("its checksum is not that of its bytes")
    end -= _LENGTH
    start = end - int.from_bytes(whole[end : end + _LENGTH], "little")
    if start < 0:
        raise ValueError("its index is longer than the file")
    return whole[:start], parse_json(bytes(whole[start:end]))


def _length_by_header(netcdf: bytes) -> int:
    """Return how many bytes a netCDF file says that it has: where depends on the version of its first block."""
    at = {0: 40, 1: 44}.get(netcdf[8], 28) if len(netcdf) > 8 else 0
    return int.from_bytes(netcdf[at : at + 8], "little")


def _index_of_earlier(netcdf: bytes) -> Any:
    """Return the index of a file of version 1, which has none and no checksum.

    Raises
    ------
    ValueError
        It is of another version or no sweep, or HDF5 cannot read it.
    """
    index = _index_in_a_process(netcdf)
    version = index["attrs"].pop("patchwidgets_result", None)
    if version != 1:
        raise ValueError("it does not say that it is a sweep" if version is None else CUT)
    warn(
        "The file is of an earlier version and has no checksum, so that damage may stay unnoticed. "
        "Save the result again to give it one.",
        FileWarning,
    )
    index["attrs"]["patchwidgets_result"] = VERSION
    return index | {"coordinates": [name for name in index["variables"] if name not in DATA]}


def _index_in_a_process(netcdf: bytes) -> Any:
    """Return what `index_of` says in a process of its own: HDF5 may crash on a damaged file, or never return."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", str(_READER)]
    try:
        done = subprocess.run(
            command,
            check=False,
            input=netcdf,
            capture_output=True,
            timeout=_SECONDS,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"HDF5 did not read it: {reason(error)}") from None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ValueError(f"HDF5 cannot read it: {''.join(last)[:200] or 'it crashed'}")
    return parse_json(done.stdout)


def _dataset(index: Any, netcdf: memoryview) -> "xr.Dataset":
    """Return the dataset that an index describes.

    Raises
    ------
    ValueError
        The index is not that of a sweep of this version.
    """
    try:
        version = index["attrs"]["patchwidgets_result"]
    except (KeyError, TypeError, IndexError):
        version = None
    if version != VERSION:
        raise ValueError(
            f"its version is {shown(version)}; this patchwidgets reads up to {VERSION}, and a newer one may read it"
        )
    return SavedIndex.model_validate(index).dataset(netcdf)
