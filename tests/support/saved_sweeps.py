"""Files of sweeps: those of version 1, and files that were changed with a right checksum."""

import hashlib
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import h5py

from patchwidgets.sweep.sweep_result import SweepResult

END = b"\npatchwidgets sweep\n"


def earlier_file(s: SweepResult) -> bytes:
    """The file as version 1 wrote it."""
    dataset = s.to_xarray().assign_attrs(patchwidgets_result=1)
    return bytes(dataset.to_netcdf(engine="h5netcdf"))


def repacked(netcdf: bytes, change: Callable[[h5py.File], Any]) -> bytes:
    """A netCDF file after a change with h5py."""
    buffer = BytesIO(netcdf)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def rewritten(content: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A saved sweep with another index, and a checksum that fits it."""
    netcdf, index = parts(content)
    change(index)
    return sealed(netcdf, json.dumps(index).encode())


def parts(content: bytes) -> tuple[bytes, dict[str, Any]]:
    end = len(content) - len(END) - 40
    start = end - int.from_bytes(content[end : end + 8], "little")
    return content[:start], json.loads(content[start:end])


def sealed(netcdf: bytes, index: bytes) -> bytes:
    body = netcdf + index + len(index).to_bytes(8, "little")
    return body + hashlib.sha256(body).digest() + END
