"""A file of JSON and arrays: what a saved page answers from. Costs nothing."""

import gzip
import json
from typing import Any

import numpy as np

from patchwidgets.arrays import NDArray


class Blobs:
    """Arrays that stand beside JSON, which names them by their numbers; as bytes they compress better."""

    def __init__(self) -> None:
        self._blobs: list[bytes] = []

    def add(self, content: bytes | NDArray[np.generic]) -> int:
        """The number of an array, row-major."""
        whole = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
        self._blobs.append(whole)
        return len(self._blobs) - 1

    def file(self, data: dict[str, Any]) -> bytes:
        """Compressed: the length of the JSON in 4 bytes, the JSON with the sizes of the arrays, the arrays."""
        text = json.dumps(data | {"blobs": list(map(len, self._blobs))}).encode()
        return gzip.compress(
            b"".join([len(text).to_bytes(4, "little"), text, *self._blobs]), mtime=0
        )
