"""The numbers of a sweep as an xarray dataset, with their axes, their tokens and where they come from."""

import json
from collections.abc import Hashable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.recovery import recovery, share
from patchwidgets.sweep.progress import GridValues
from patchwidgets.tasks import Pair

PACKAGES = ("patchwidgets", "torch", "transformers")
Array = NDArray[np.float64]


def sweep_dataset(experiment: BaseExperiment, grid_values: GridValues) -> xr.Dataset:
    """The dataset of one grid; `SweepResult` says what is in it."""
    axes, shape = tuple(grid_values.grid.axes), grid_values.grid.shape
    names, pairs = list(experiment.metrics), len(experiment.pairs)
    dims = ("metric", *axes, "pair")

    def whole(by_metric: Mapping[str, Array]) -> Array:
        return np.stack([by_metric[name] for name in names]).reshape(len(names), *shape, pairs)

    runs = {
        run: np.stack([experiment.evaluation.values[run][name] for name in names])
        for run in ("clean", "corrupted")
    }
    floor = np.array([grid_values.noise_floor[name] for name in names])
    value, effect = whole(grid_values.values), whole(grid_values.effects)
    # A metric's numbers of single pairs are the same in every cell.
    apart = (len(names), *(1,) * len(shape), pairs)
    clean, corrupted = (runs[run].reshape(apart) for run in ("clean", "corrupted"))
    limit = floor.reshape(len(names), *(1,) * len(dims[1:]))
    variables: dict[Hashable, Any] = {
        "value": (dims, value),
        "effect": (dims, effect),
        "share": (dims, share(effect, clean, corrupted, limit, experiment.direction)),
        "recovery": (dims, recovery(value, clean, corrupted, limit)),
        "clean": (("metric", "pair"), runs["clean"]),
        "corrupted": (("metric", "pair"), runs["corrupted"]),
        "noise_floor": (("metric",), floor),
        "zero": (axes, grid_values.zero.reshape(shape)),
        "unpatchable": (axes, grid_values.unpatchable.reshape(shape)),
    }
    coordinates = {"metric": names, **grid_values.grid.axes, "pair": np.arange(pairs)}
    coordinates |= _chosen(grid_values)
    return xr.Dataset(
        variables, coordinates | _tokens(experiment, axes), _attrs(experiment, grid_values)
    )


def _chosen(grid_values: GridValues) -> dict[str, Any]:
    """Of sites that were chosen out of many: where each is, and the first-order effect that it was chosen by."""
    ranking = grid_values.grid.ranking
    if ranking is None:
        return {}
    return {name: ("site", each) for name, each in ranking.cells.items()} | {
        "first_order": ("site", ranking.first_order)
    }


def _tokens(experiment: BaseExperiment, axes: tuple[str, ...]) -> dict[str, Any]:
    """The tokens at each position and their counterparts: ``[pos]`` of one pair, ``[pair, pos]`` of several."""
    if "pos" not in axes:
        return {}
    tokens = [_pair_tokens(experiment, pair) for pair in experiment.pairs]
    found: dict[str, Any] = {}
    for run, of_pairs in zip(("clean", "corrupted"), zip(*tokens, strict=True), strict=True):
        single = len(of_pairs) == 1
        found[f"{run}_token"] = (
            ("pos",) if single else ("pair", "pos"),
            of_pairs[0] if single else list(of_pairs),
        )
    return found


def _pair_tokens(experiment: BaseExperiment, pair: Pair) -> tuple[list[str], list[str]]:
    """The clean prompt's tokens, and the corrupted one's at the same places: nothing where there is no counterpart."""
    clean, corrupted = map(experiment.model.token_strings, (pair.clean, pair.corrupted))
    there = (pair.counterparts.get(i) for i in range(len(clean)))
    return clean, ["" if j is None else corrupted[j] for j in there]


def _attrs(experiment: BaseExperiment, grid_values: GridValues) -> dict[str, Any]:
    first = next(iter(experiment.metrics))
    return {
        "patchwidgets_result": 1,
        "component": grid_values.grid.component or "sites",
        "window": grid_values.grid.window,
        "direction": experiment.direction,
        "model": experiment.model.name,
        "dtype": experiment.model.dtype,
        "device": experiment.model.device,
        "task": experiment.task.json_text(),
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "noise_floor": grid_values.noise_floor[first],
        "method": grid_values.method,
        "medians": json.dumps([name for name, m in experiment.metrics.items() if m.median]),
        "chosen": "" if grid_values.grid.ranking is None else str(grid_values.grid.ranking),
        "routing": "" if grid_values.flips is None else str(grid_values.flips),
        "routing_flips": 0 if grid_values.flips is None else grid_values.flips.flips,
    }
