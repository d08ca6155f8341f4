"""What the index of a saved sweep must look like, as a schema, and a dataset made from it and the numbers."""

import math
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from patchwidgets import xarrays
from patchwidgets.directions import Direction
from patchwidgets.errors import shown
from patchwidgets.sites import Component
from patchwidgets.sources.files import data_in_words
from patchwidgets.storage import parse_json

if TYPE_CHECKING:
    import xarray as xr

Name = Annotated[str, Field(min_length=1, max_length=200)]
Size = Annotated[int, Field(ge=0, lt=2**48)]
Scalar = str | int | float | bool
Kind = Literal["texts", "indices", "floats", "truth values"]
TEXTS: Final = "texts"
INDICES: Final = "indices"
FLOATS: Final = "floats"
TRUTH: Final = "truth values"
PER_CELL = ("value", "effect", "share", "recovery")
FLAGS = ("zero", "unpatchable")
UNPATCHED = ("clean", "corrupted")
SAMPLED = ("sampled_value", "sampled_effect")
"""The variables of a sample of sites that were not chosen, which a sweep with `top` alone has."""
DRAWN = "draw_effect"
"""The effects of each draw, where sources are drawn at random."""
REACHED = ("z", "attn_out", "mlp_out", "resid_post")
MOVED = tuple(f"moved_{component}" for component in REACHED)
APART = tuple(f"apart_{component}" for component in REACHED)
"""How far cells moved every component, and how far the runs are apart, of a sweep that was asked for reach."""
OPTIONAL = (*SAMPLED, DRAWN, *MOVED, *APART)
DATA = (*PER_CELL, *FLAGS, *UNPATCHED, "noise_floor", *OPTIONAL)
"""The variables of a sweep that are no coordinates."""
AXES = (
    "layer",
    "head",
    "kv_head",
    "neuron",
    "feature",
    "pos",
    "pos_name",
    "site",
    "edge",
    "alpha",
)
"""All axes that a sweep can have."""
LABELS = ("sender", "receiver")
"""What names an edge beside the axis itself."""
KINDS: dict[str, Kind] = {
    **dict.fromkeys((*PER_CELL, *UNPATCHED, *OPTIONAL, "noise_floor", "first_order"), FLOATS),
    **dict.fromkeys(FLAGS, TRUTH),
    **dict.fromkeys((*AXES, "pair", "draw", "to_layer", "to_head"), INDICES),
    "alpha": FLOATS,
    **dict.fromkeys(
        (
            "metric",
            "pos_name",
            "site",
            "edge",
            *LABELS,
            "sampled",
            "clean_token",
            "corrupted_token",
            "product",
            "bound",
        ),
        TEXTS,
    ),
}
"""What each variable holds."""
_CODES = {
    "float64": "f8",
    "float32": "f4",
    "int64": "i8",
    "int32": "i4",
    "int8": "i1",
    "bool": "i1",
}


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Array(_Strict):
    dims: list[Name]
    shape: list[Size]
    attrs: dict[Name, Scalar] = {}

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class _Numbers(_Array):
    """Numbers, which the netCDF file holds as bytes in one piece."""

    dtype: Literal["float64", "float32", "int64", "int32", "int8", "bool"]
    offset: Size

    @property
    def kind(self) -> Kind:
        return TRUTH if self.dtype == "bool" else FLOATS if "float" in self.dtype else INDICES

    @property
    def n_bytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize

    def read(self, netcdf: memoryview) -> np.ndarray:
        if self.offset + self.n_bytes > len(netcdf):
            raise ValueError(f"numbers up to byte {self.offset + self.n_bytes} of {len(netcdf)}")
        numbers = np.frombuffer(netcdf, f"<{_CODES[self.dtype]}", self.size, self.offset)
        if self.dtype == "bool" and not np.isin(numbers, (0, 1)).all():
            raise ValueError("a truth value that is neither 0 nor 1")
        return numbers.astype(self.dtype).reshape(self.shape)


class _Texts(_Array):
    """Texts, which the index itself holds."""

    texts: list[str]
    kind: ClassVar[Kind] = TEXTS
    n_bytes: ClassVar[int] = 0

    def read(self, _netcdf: memoryview) -> np.ndarray:
        if len(self.texts) != self.size:
            raise ValueError(f"{len(self.texts)} texts for {self.size} places")
        # Not of fixed width: one long text would make all of them as long.
        array = np.empty(self.size, dtype=object)
        array[:] = self.texts
        return array.reshape(self.shape)


class _Attributes(BaseModel):
    """Where the numbers come from; a later version may add more."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, Scalar] = Field(init=False)

    patchwidgets_result: int
    component: Literal[Component, "sites", "edges"]
    direction: Direction
    window: Annotated[int, Field(ge=1)]
    model: str
    dtype: str
    task: str
    medians: str
    noise_floor: Annotated[float, Field(ge=0)]
    n_positions: Size = 0
    n_others: Size = 0
    sources: str = "[]"
    weights: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""

    @field_validator("medians")
    @classmethod
    def _names(cls, text: str) -> str:
        names = parse_json(text)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("expected a list of names")
        return text

    @field_validator("sources")
    @classmethod
    def _of_patches(cls, text: str) -> str:
        data = parse_json(text)
        if not isinstance(data, list):
            raise ValueError("expected a list of sources")
        for each in data:
            data_in_words(each)
        return text


class SavedIndex(_Strict):
    """The index of a saved sweep."""

    attrs: _Attributes
    variables: dict[Name, _Numbers | _Texts]
    coordinates: list[Name]

    def dataset(self, netcdf: memoryview) -> "xr.Dataset":
        """Return the dataset, with its numbers from the bytes of the netCDF file.

        Raises
        ------
        ValueError
            Variables, axes, types, sizes or coordinates are not those of a sweep, or are not all there.
        """
        self._check_names()
        self._check_sizes(len(netcdf))
        arrays = {name: each.read(netcdf) for name, each in self.variables.items()}
        for name in self._expected_dims():
            if name not in (*DATA, *LABELS):
                _check_coordinates(name, arrays[name])
        made: dict[str, Any] = {
            name: (each.dims, arrays[name], each.attrs) for name, each in self.variables.items()
        }
        coordinates = {name: made.pop(name) for name in self.coordinates}
        return xarrays.dataset(made, coordinates, self.attrs.model_dump(exclude_unset=True))

    @property
    def _axes(self) -> list[str]:
        return self.variables["zero"].dims

    def _check_names(self) -> None:
        needed = {*DATA, "metric", "pair", *self.coordinates} - {*OPTIONAL}
        if missing := needed - set(self.variables):
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        if "sampled" in self.variables and "n_others" not in self.attrs.model_fields_set:
            raise ValueError("it has a sample, and not of how many sites")
        if unknown := set(self._axes) - set(AXES):
            raise ValueError(f"unknown axes {shown(sorted(unknown))}")
        expected, roles = self._expected_dims(), set(self.coordinates)
        for name, dims in expected.items():
            if name not in self.variables or self.variables[name].dims != dims:
                raise ValueError(f"{name} does not run over {', '.join(dims) or 'nothing'}")
            if (name in roles) == (name in DATA):
                raise ValueError(f"{name} is a coordinate and should be none, or the reverse")
        for name, each in self.variables.items():
            if name in KINDS and each.kind != KINDS[name]:
                raise ValueError(f"{name} holds {each.kind}; expected {KINDS[name]}")

    def _expected_dims(self) -> dict[str, list[str]]:
        """Which variables there have to be, and over which dimensions each runs."""
        expected = {name: ["metric", *self._axes, "pair"] for name in PER_CELL}
        expected |= dict.fromkeys(FLAGS, self._axes)
        expected |= {name: ["metric", "pair"] for name in UNPATCHED}
        expected |= {"noise_floor": ["metric"]}
        expected |= {name: [name] for name in ("metric", "pair", *self._axes)}
        if "edge" in self._axes:
            expected |= {label: ["edge"] for label in LABELS}
        if {"sampled", *SAMPLED} & set(self.variables):
            expected |= {name: ["metric", "sampled", "pair"] for name in SAMPLED}
            expected |= {"sampled": ["sampled"]}
        if {"draw", DRAWN} & set(self.variables):
            expected |= {DRAWN: ["metric", "draw", *self._axes, "pair"], "draw": ["draw"]}
        if {*MOVED, *APART} & set(self.variables):
            expected |= self._reach_dims()
        return expected

    def _reach_dims(self) -> dict[str, list[str]]:
        expected = {name: [name] for name in ("product", "bound", "to_layer", "to_head")}
        for moved, apart in zip(MOVED, APART, strict=True):
            units = ["to_layer", "to_head"] if moved == "moved_z" else ["to_layer"]
            expected |= {moved: [*self._axes, "pair", "product", *units]}
            expected |= {apart: ["pair", "bound", *units]}
        return expected

    def _check_sizes(self, n_bytes: int) -> None:
        sizes: dict[str, int] = {}
        for name, each in self.variables.items():
            if len(each.dims) != len(each.shape) or len(set(each.dims)) < len(each.dims):
                raise ValueError(f"{name} has {len(each.shape)} axes and {len(each.dims)} names")
            for dim, size in zip(each.dims, each.shape, strict=True):
                if sizes.setdefault(dim, size) != size:
                    raise ValueError(f"{dim} has {sizes[dim]} entries, and {size} in {name}")
        claimed = sum(each.n_bytes for each in self.variables.values())
        if claimed > n_bytes:
            raise ValueError(f"it claims {claimed:,} bytes of numbers, and has {n_bytes:,} bytes")


def _check_coordinates(name: str, values: np.ndarray) -> None:
    if len(set(values.tolist())) < len(values):
        raise ValueError(f"{name} gives a coordinate twice")
    if values.dtype.kind == "i" and (values < 0).any():
        raise ValueError(f"{name} has a negative coordinate")
    # numpy drops it from the end of a text, so that no selection would find the coordinate.
    if values.dtype.kind == "O" and any("\0" in text for text in values):
        raise ValueError(f"{name} has a coordinate with a null character")
