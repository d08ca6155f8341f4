"""Where the numbers lie in a netCDF file: its attributes, texts and offsets as plain data, of what `save` writes.

Run as a script, it reads a file from the standard input in a process of its own, with little memory and time: the
HDF5 library may crash on a damaged file, or never return. It imports nothing of patchwidgets and costs 0.2 s then.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import h5py
import numpy as np

Index = dict[str, Any]
"""``attrs`` and ``variables``, in the form that `saved_index.SavedIndex` checks."""
MAX_VARIABLES = 100
SECONDS = 20
_NUMBERS = {"<f8": "float64", "<f4": "float32", "<i8": "int64", "<i4": "int32", "|i1": "int8"}
_OF_NETCDF = ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "coordinates", "dtype")
"""The attributes of variables that only netCDF libraries need, beside those that begin with ``_``."""
_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"


def index_of(netcdf: bytes) -> Index:
    """Return the attributes and variables of a netCDF file, with the numbers left where they are.

    Raises
    ------
    ValueError, OSError, KeyError, RuntimeError
        The file is damaged, or holds what `SweepResult.save` never writes: groups, links, compressed or virtual data,
        data in other files, other types.
    """
    with h5py.File(BytesIO(netcdf), "r") as file:
        if len(file) > MAX_VARIABLES:
            raise ValueError(f"{len(file)} variables; expected at most {MAX_VARIABLES}")
        variables = {name: _variable(file, name, len(netcdf)) for name in file}
        return {
            "attrs": dict(_attributes(file.attrs)),
            "variables": {name: each for name, each in variables.items() if each is not None},
        }


def _variable(file: h5py.File, name: str, limit: int) -> Index | None:
    """Return one variable, or None for a dimension without coordinates."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name[:80]!r} is a link")  # perhaps to another file: it is not followed
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{name[:80]!r} is a group")
    if str(_text(dataset.attrs.get("NAME", ""))).startswith(_NO_VARIABLE):
        return None
    _check_storage(dataset, limit)
    found: Index = {
        "dims": _dims(file, dataset),
        "shape": list(dataset.shape),
        "attrs": dict(_attributes(dataset.attrs, without=_OF_NETCDF)),
    }
    if h5py.check_string_dtype(dataset.dtype):
        return found | {"texts": np.ravel(dataset.asstr()[()]).tolist()}
    dtype = _NUMBERS.get(dataset.dtype.str)
    if dtype is None:
        raise ValueError(f"{name[:80]!r} has the type {str(dataset.dtype)[:80]}")
    is_bool = _text(dataset.attrs.get("dtype")) == "bool"
    return found | {"dtype": "bool" if is_bool else dtype, "offset": dataset.id.get_offset() or 0}


def _check_storage(dataset: h5py.Dataset, limit: int) -> None:
    """Check that all data lie in one piece in this very file, before any are read."""
    layout = dataset.id.get_create_plist()
    if dataset.shape is None or layout.get_external_count() or layout.get_nfilters():
        raise ValueError(f"{dataset.name[:80]!r} is empty, compressed, or in another file")
    if dataset.size and layout.get_layout() != h5py.h5d.CONTIGUOUS:
        raise ValueError(f"{dataset.name[:80]!r} is not in one piece")
    # A text takes 16 bytes, which say where it is.
    item = 16 if h5py.check_string_dtype(dataset.dtype) else dataset.dtype.itemsize
    if not item * int(dataset.size) == dataset.id.get_storage_size() <= limit:
        raise ValueError(
            f"{dataset.name[:80]!r} has the shape {dataset.shape}, but not this many numbers"
        )


def _dims(file: h5py.File, dataset: h5py.Dataset) -> list[str]:
    if "DIMENSION_LIST" in dataset.attrs:
        return [file[scale[0]].name.lstrip("/") for scale in dataset.attrs["DIMENSION_LIST"]]
    return [dataset.name.lstrip("/")] * dataset.ndim  # the coordinates of a dimension


def _attributes(
    attributes: Mapping[str, Any], without: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any]]:
    for name in attributes:
        if name not in without and not name.startswith("_"):
            value = _text(attributes[name])
            yield name, value.item() if isinstance(value, np.ndarray | np.generic) else value


def _text(value: Any) -> Any:
    if isinstance(value, h5py.Empty):
        return ""
    return value.decode() if isinstance(value, bytes) else value


def _main() -> None:
    content = sys.stdin.buffer.read()
    if sys.platform != "win32":
        import resource

        memory = 2**31 + 8 * len(content)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(index_of(content)))


if __name__ == "__main__":
    _main()
