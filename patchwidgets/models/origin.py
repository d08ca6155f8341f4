"""Where a model was loaded from, so that another process can load the same one. Plain data."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The arguments of `load`.

    Attributes
    ----------
    name
        None for the teaching model, ``"smollm2"``, the whole path of a folder, or a name on the hub.
    dtype, device, device_map, revision, trust_remote_code, verify
        As in `load`, as texts.
    """

    name: str | None
    dtype: str = "float32"
    device: str | None = None
    device_map: Any = None
    revision: str | None = None
    trust_remote_code: bool = False
    verify: str = "strict"
