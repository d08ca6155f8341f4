"""Labelled arrays of xarray. For its first one, xarray imports dask, cupy and others, if they are installed.

A Ctrl-C there would leave half of them, so that no array could be made until a restart.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Shaped

from patchwidgets.hooks.interrupts import Uninterrupted

if TYPE_CHECKING:
    import xarray as xr


def dataset(
    variables: Mapping[Any, Any],
    coordinates: Mapping[Any, Any] | None = None,
    attrs: Mapping[Any, Any] | None = None,
) -> "xr.Dataset":
    """Return `xarray.Dataset` of these; a Ctrl-C takes effect after it."""
    with Uninterrupted():
        import xarray as xr

        return xr.Dataset(variables, coordinates, attrs)


def data_array(
    values: Shaped[np.ndarray, "*axes"],
    coordinates: Mapping[Any, Any],
    dims: Sequence[str],
    name: str,
) -> "xr.DataArray":
    """Return `xarray.DataArray` of these; a Ctrl-C takes effect after it."""
    with Uninterrupted():
        import xarray as xr

        return xr.DataArray(values, coordinates, dims, name)
