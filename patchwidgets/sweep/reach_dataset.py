"""The reach of a sweep's cells in its dataset, as sums over features, and as the ratios that these make."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets import xarrays
from patchwidgets.errors import PatchError, TaskError
from patchwidgets.experiment.reach import ratios
from patchwidgets.experiment.reach_sums import REACH_COMPONENTS
from patchwidgets.sweep.cell_reach import GridReach

if TYPE_CHECKING:
    import xarray as xr

PRODUCTS = ("towards", "square")
"""⟨Δp,Δs⟩ and ⟨Δp,Δp⟩, with Δp = patched − host and Δs = source − host."""
BOUNDS = ("square", "rounding")
"""⟨Δs,Δs⟩, and what of it is rounding."""


def reach_variables(
    reach: GridReach, axes: tuple[str, ...], shape: tuple[int, ...]
) -> tuple[dict[Hashable, Any], dict[str, Any]]:
    """The variables of a grid's dataset, and their coordinates."""
    variables: dict[Hashable, Any] = {}
    coordinates: dict[str, Any] = {"product": list(PRODUCTS), "bound": list(BOUNDS)}
    for component, moved in reach.moved.items():
        units = ("to_layer", "to_head")[: moved.ndim - 3]
        dims = (*axes, "pair", "product", *units)
        variables[f"moved_{component}"] = (dims, moved.reshape(*shape, *moved.shape[1:]))
        variables[f"apart_{component}"] = (("pair", "bound", *units), reach.apart[component])
        coordinates |= {
            unit: np.arange(size) for unit, size in zip(units, moved.shape[3:], strict=True)
        }
    return variables, coordinates


def reach_of(dataset: "xr.Dataset", pair: int | None) -> "xr.Dataset":
    """Along, size and cos of every component; `SweepResult.reach` documents it.

    Raises
    ------
    PatchError
        The sweep has not recorded reach.
    TaskError
        There is no such pair.
    """
    if f"moved_{REACH_COMPONENTS[0]}" not in dataset:
        raise PatchError(
            "This sweep has not recorded how far its patches reach; expected one of exp.sweep(..., reach=True)."
        )
    numbers = dataset["pair"].values.tolist()
    if pair is not None and pair not in numbers:
        raise TaskError(f"There is no pair {pair}; expected one of {numbers}, or None for all.")
    variables: dict[Hashable, Any] = {}
    for component in REACH_COMPONENTS:
        moved, apart = (
            dataset[f"{name}_{component}"].astype(np.float64) for name in ("moved", "apart")
        )
        if pair is None:
            moved, apart = (each.sum("pair", skipna=False) for each in (moved, apart))
        else:
            moved, apart = (each.sel(pair=pair, drop=True) for each in (moved, apart))
        ps, pp = (moved.sel(product=name, drop=True) for name in PRODUCTS)
        ss, rounding = (apart.sel(bound=name, drop=True) for name in BOUNDS)
        found = ratios(ps.values, pp.values, ss.values, rounding.values)
        for name, array in zip(("along", "size", "cos"), found, strict=True):
            variables[f"{component}_{name}"] = (ps.dims, array)
    known = {dim for dims, _ in variables.values() for dim in dims}
    coordinates = {name: each for name, each in dataset.coords.items() if {*each.dims} <= known}
    return xarrays.dataset(variables, coordinates)
