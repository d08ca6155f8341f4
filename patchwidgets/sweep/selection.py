"""A part of a sweep's dataset, chosen by coordinates: layers, positions from either end, senders and receivers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import SiteError, listed, shown
from patchwidgets.guesses.answering import did_you_mean

if TYPE_CHECKING:
    import xarray as xr


def select(dataset: "xr.Dataset", chosen: Mapping[str, Any]) -> "xr.Dataset":
    """Select by coordinates as xarray does, with negative positions counted from the end of the prompts.

    Raises
    ------
    SiteError
        Something that the sweep does not run over, or a coordinate that it does not have.
    """
    _check_axes(dataset, chosen, {*dataset["zero"].dims, "metric", "pair", *_labels(dataset)})
    dataset, chosen = _by_label(dataset, chosen)
    chosen = {
        name: [value] if name in ("metric", "pair") and np.ndim(value) == 0 else value
        for name, value in chosen.items()
    }
    if "pos" in chosen:
        # A file of an earlier version does not say how long the prompts are; the axis does, unless it is a part.
        n = dataset.attrs.get("n_positions", dataset.sizes["pos"])
        chosen["pos"] = _from_start(chosen["pos"], n)
    for axis, values in chosen.items():
        if not isinstance(values, slice):
            _check_coordinates(dataset, axis, values)
    return dataset.sel(chosen)


def select_by_index(dataset: "xr.Dataset", chosen: Mapping[str, Any]) -> "xr.Dataset":
    """Select by indices as xarray does; metric and pair stay axes.

    Raises
    ------
    SiteError
        Something that the sweep does not run over, or an index out of range.
    """
    _check_axes(dataset, chosen, {*dataset["zero"].dims, "metric", "pair"})
    kept = {
        name: [index] if name in ("metric", "pair") and np.ndim(index) == 0 else index
        for name, index in chosen.items()
    }
    try:
        return dataset.isel(kept)
    except (IndexError, TypeError) as error:
        sizes = ", ".join(f"{dataset.sizes[name]} along {name}" for name in chosen)
        raise SiteError(f"Cannot select {shown(dict(chosen))}; this sweep has {sizes}.") from error


def _check_axes(dataset: "xr.Dataset", chosen: Mapping[str, Any], known: set[Any]) -> None:
    if unknown := sorted(set(chosen) - known):
        names = sorted(map(str, known))
        raise SiteError(
            f"Cannot select by {', '.join(unknown)}; this sweep has {', '.join(names)}."
            f"{did_you_mean(unknown[0], names)}"
        )


def _labels(dataset: "xr.Dataset") -> list[str]:
    """The coordinates that name places along an axis beside its own: sender and receiver of edges."""
    return [name for name in ("sender", "receiver") if name in dataset.coords]


def _by_label(
    dataset: "xr.Dataset", chosen: Mapping[str, Any]
) -> tuple["xr.Dataset", dict[str, Any]]:
    """Keep the edges with the senders and receivers that were chosen; return what is left to choose by."""
    for label in _labels(dataset):
        if label in chosen:
            _check_coordinates(dataset, label, chosen[label])
            kept = np.isin(dataset[label].values.astype(str), np.ravel(chosen[label]).astype(str))
            dataset = dataset.isel(edge=np.flatnonzero(kept))
    return dataset, {name: value for name, value in chosen.items() if name not in _labels(dataset)}


def _from_start(pos: Any, n: int) -> Any:
    """Positions counted from the start of prompts of `n` tokens, of which a selection may have kept only some."""
    indices = np.asarray(pos)
    if indices.dtype.kind != "i":
        return pos
    return np.where((-n <= indices) & (indices < 0), indices + n, indices)[()]


def _check_coordinates(dataset: "xr.Dataset", axis: str, chosen: Any) -> None:
    each = dict.fromkeys(dataset[axis].values.tolist())  # many edges have the same receiver
    if missing := [value for value in np.ravel(chosen).tolist() if value not in each]:
        known = list(map(str, each))
        has = (
            f"{len(known)} from {known[0]} to {known[-1]}" if len(known) > 10 else ", ".join(known)
        )
        parts = [name for name in known if name.startswith(f"{missing[0]}.")]
        hint = f" Did you mean {listed(parts, by=', ')}?" if parts else ""
        raise SiteError(
            f"This sweep has no {axis} {', '.join(map(str, missing))}; it has {has}.{hint}"
        )
