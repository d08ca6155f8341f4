"""The files of a folder with parts, as schemas. Importing it costs 0.1 s."""

import base64
from typing import Any

import numpy as np

from patchwidgets.files.schema import Count, Name, Strict


class ArraySchema(Strict):
    """An array, byte by byte: so NaN and the last bit come back."""

    dtype: str
    shape: list[Count]
    base64: str

    def array(self) -> "np.ndarray[Any, Any]":
        """Return the array.

        Raises
        ------
        ValueError
            It is of another type, or has more or fewer numbers than its shape says.
        """
        if self.dtype not in ("<f4", "<f8", "<i8"):
            raise ValueError(f"numbers of the type {self.dtype!r}")
        content = base64.b64decode(self.base64, validate=True)
        return np.frombuffer(content, dtype=self.dtype).reshape(self.shape).copy()


class PartSchema(Strict):
    """The numbers of a piece, and of which computation it is."""

    job: Name
    start: Count
    stop: Count
    check: Name
    arrays: dict[Name, ArraySchema]


class JobSchema(Strict):
    """What is computed, in short texts, and how it is packed into passes."""

    described: dict[Name, str]
    options: dict[Name, Any]
