"""The file of a Jacobian lens: safetensors, with the fit and a checksum of all numbers in its metadata.

Reading compares the checksum: some milliseconds per megabyte.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float16
from safetensors.torch import load, save
from torch import Tensor

from patchwidgets.errors import FileError, shown
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.models.lenses.lens_fit import LensFit
from patchwidgets.sites import Site
from patchwidgets.storage import parse_json, read_file, reason

MAX_BYTES = 2**33
"""The largest file that is read by default: more than the lens of a model with 8,192 numbers in 60 streams."""
STREAMS = ("resid_pre", "resid_mid", "resid_post")
_ENTRY, _VERSION = "patchwidgets_lens", 1
MOST_HEADER = 2**24
"""The bytes up to which a header is read: a lens has a name and a place for each of some hundred matrices."""
_LENGTH = 8
"""The bytes at the beginning that say how long the header is."""

Named = dict[str, Float16[Tensor, "d_model d_model"]]


def to_bytes(matrices: Mapping[str, Tensor], fit: LensFit) -> bytes:
    """Return the content of the file."""
    named = {name: matrix.contiguous() for name, matrix in matrices.items()}
    described = {"version": _VERSION, "fit": asdict(fit), "sha256": _checksum(save(named))}
    # One entry: safetensors writes several in any order, and the same lens should be the same bytes.
    return save(named, {_ENTRY: json.dumps(described, ensure_ascii=False)})


def read_lens(path: str | Path, max_bytes: int) -> tuple[Named, LensFit]:
    """Return the matrices by site, and the fit; `JacobianLens.load` documents it."""
    content = read_file(path, max_bytes, "Say max_bytes= to read more.")
    try:
        described = _described(content)
        if described["sha256"] != _checksum(content):
            raise ValueError("its checksum is not that of its numbers")
        return _checked(_load(content)), _fit(described["fit"])
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{shown(str(path))} is not a Jacobian lens, or is damaged ({reason(error)}); expected a file that "
            "JacobianLens.save wrote. Use a copy of the file, or fit the lens again."
        ) from error


def _data_start(content: bytes) -> int:
    return _LENGTH + int.from_bytes(content[:_LENGTH], "little")


def _checksum(content: bytes) -> str:
    return hashlib.sha256(memoryview(content)[_data_start(content) :]).hexdigest()


def _described(content: bytes) -> dict[str, Any]:
    """Return what the file says about itself.

    Raises
    ------
    ValueError
        Nothing, or not that it is a lens.
    """
    if _data_start(content) > MOST_HEADER:
        raise ValueError("its header is too long")
    header = parse_json(content[_LENGTH : _data_start(content)])
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or _ENTRY not in metadata:
        raise ValueError("it does not say that it is a lens")
    described = parse_json(metadata[_ENTRY])
    if not isinstance(described, dict) or described.get("version") != _VERSION:
        raise ValueError("it is of a later version of patchwidgets")
    return described


def _load(content: bytes) -> dict[str, Any]:
    try:
        return load(content)
    except Exception as error:  # safetensors has an error class of its own
        raise ValueError(str(error)) from error


def _checked(tensors: Mapping[str, Tensor]) -> Named:
    """Return the matrices of a file, if they are square, of one size, and named by streams."""
    sizes = {tensor.shape for tensor in tensors.values()}
    if len(sizes) != 1 or len(set(sizes.pop())) != 1:
        raise ValueError("its matrices are not square and of one size")
    for name, tensor in tensors.items():
        if Site.parse(name).component not in STREAMS or str(Site.parse(name)) != name:
            raise ValueError(f"{shown(name)} is no residual stream")
        if tensor.ndim != 2 or tensor.dtype is not torch.float16:
            raise ValueError(f"{shown(name)} is no matrix in float16")
    return dict(tensors)


def _fit(described: Any) -> LensFit:
    with Uninterrupted():
        from pydantic import TypeAdapter

    fit: LensFit = TypeAdapter(LensFit).validate_python(described)
    return fit
