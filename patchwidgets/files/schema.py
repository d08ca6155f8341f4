"""Forms that several kinds of files share, as schemas. Importing it costs 0.1 s."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from patchwidgets.files.envelope import LONGEST_NAME

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Label = Annotated[str, Field(max_length=LONGEST_NAME)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Floor = Annotated[float, Field(ge=0)]
"""A noise floor."""
Values = Annotated[list[float], Field(min_length=1)]
"""A number for each pair."""


class Strict(BaseModel):
    """An object with these fields and no others, of exactly these types."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Table(Strict):
    """An array of finite numbers, in row-major order."""

    shape: Annotated[list[Count], Field(max_length=8)]
    values: list[float]

    def array(self, *shape: int) -> Float[np.ndarray, "..."]:
        """Return the array, which has this shape.

        Raises
        ------
        ValueError
            It has another shape, or another number of values than its shape says.
        """
        if tuple(self.shape) != shape or math.prod(shape) != len(self.values):
            raise ValueError(
                f"{len(self.values)} values of shape {self.shape}; expected the shape {list(shape)}"
            )
        return np.array(self.values, dtype=np.float64).reshape(shape)


def table_of(array: Float[np.ndarray, "..."]) -> dict[str, Any]:
    """Return an array as a `Table` reads it."""
    return {"shape": list(array.shape), "values": array.ravel().tolist()}


def values_of(values: Sequence[float], n_pairs: int) -> Float[np.ndarray, "pair"]:
    """Return the numbers of pairs as an array.

    Raises
    ------
    ValueError
        There are more or fewer.
    """
    if len(values) != n_pairs:
        raise ValueError(f"{len(values)} numbers for {n_pairs} pairs")
    return np.array(values, dtype=np.float64)


def same_names(found: Mapping[str, Any], expected: Sequence[str]) -> None:
    """Check that there is something for each of these names, and for nothing else.

    Raises
    ------
    ValueError
        There is more or less.
    """
    if set(found) != set(expected):
        raise ValueError(
            f"numbers of {', '.join(sorted(found))[:100]}; expected {', '.join(expected)[:100]}"
        )
