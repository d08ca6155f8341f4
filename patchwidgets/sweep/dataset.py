"""The numbers of a sweep as an xarray dataset with axes, tokens and where they come from, and how to read it again."""

import json
from collections.abc import Hashable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from patchwidgets import xarrays
from patchwidgets.directions import host_name
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.models.stamp import stamp_of
from patchwidgets.recovery import recovery, share
from patchwidgets.sites import Site
from patchwidgets.sources.files import data_or_text
from patchwidgets.sweep.axes import UNITS
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.sweep.reach_dataset import reach_variables
from patchwidgets.tasks import Pair
from patchwidgets.tokens import sequence_strings

if TYPE_CHECKING:
    import xarray as xr

VERSION = 2
"""The version of the dataset and of its files, in the attribute `patchwidgets_result`."""
MOST_SOURCES = 20
"""How many sources of patches a result names."""
PACKAGES = ("patchwidgets", "torch", "transformers")
"""The packages whose versions a result records."""


def sweep_dataset(
    experiment: BaseExperiment, grid_values: GridValues, sample: GridValues | None = None
) -> "xr.Dataset":
    """The dataset of one grid, with a sample of sites that were not chosen; `SweepResult` documents its variables."""
    axes, shape = tuple(grid_values.grid.axes), grid_values.grid.shape
    names, pairs = list(experiment.metrics), len(experiment.pairs)
    dims = ("metric", *axes, "pair")

    def stacked(
        by_metric: Mapping[str, Float[np.ndarray, "cell pair"]],
    ) -> Float[np.ndarray, "metric *axes pair"]:
        return np.stack([by_metric[name] for name in names]).reshape(len(names), *shape, pairs)

    unpatched = {
        run: np.stack([experiment.evaluation.values[run][name] for name in names])
        for run in ("clean", "corrupted")
    }
    floor = np.array([grid_values.noise_floor[name] for name in names])
    value, effect = stacked(grid_values.values), stacked(grid_values.effects)
    # The unpatched values are the same in every cell: give them axes of length 1.
    broadcast = (len(names), *(1,) * len(shape), pairs)
    clean, corrupted = (unpatched[run].reshape(broadcast) for run in ("clean", "corrupted"))
    limit = floor.reshape(len(names), *(1,) * len(dims[1:]))
    variables: dict[Hashable, Any] = {
        "value": (dims, value),
        "effect": (dims, effect),
        "share": (dims, share(effect, clean, corrupted, limit, experiment.direction)),
        "recovery": (dims, recovery(value, clean, corrupted, limit)),
        "clean": (("metric", "pair"), unpatched["clean"]),
        "corrupted": (("metric", "pair"), unpatched["corrupted"]),
        "noise_floor": (("metric",), floor),
        "zero": (axes, grid_values.zero.reshape(shape)),
        "unpatchable": (axes, grid_values.unpatchable.reshape(shape)),
    }
    coordinates = {"metric": names, **grid_values.grid.axes, "pair": np.arange(pairs)}
    coordinates |= grid_values.grid.labels | _ranking_coordinates(grid_values)
    if grid_values.drawn:
        by_draw = np.stack([grid_values.drawn[name] for name in names])
        variables["draw_effect"] = (
            ("metric", "draw", *axes, "pair"),
            by_draw.reshape(*by_draw.shape[:2], *shape, pairs),
        )
        coordinates["draw"] = np.arange(by_draw.shape[1])
    if sample is not None:
        coordinates["sampled"] = sample.grid.axes["site"]
        variables |= {
            f"sampled_{name}": (
                ("metric", "sampled", "pair"),
                np.stack([by_metric[each] for each in names]),
            )
            for name, by_metric in (("value", sample.values), ("effect", sample.effects))
        }
    if grid_values.reach is not None:
        of_reach, units = reach_variables(grid_values.reach, axes, shape)
        variables, coordinates = variables | of_reach, coordinates | units
    return xarrays.dataset(
        variables, coordinates | _tokens(experiment, axes), _attrs(experiment, grid_values)
    )


def _ranking_coordinates(grid_values: GridValues) -> dict[str, Any]:
    """For the top few of many sites: where each is, and the first-order effect that it was chosen by."""
    ranking = grid_values.grid.ranking
    if ranking is None:
        return {}
    return {name: ("site", each) for name, each in ranking.coordinates.items()} | {
        "first_order": ("site", ranking.first_order)
    }


def _tokens(experiment: BaseExperiment, axes: tuple[str, ...]) -> dict[str, Any]:
    """The clean token at each position, and the corrupted one at its counterpart; over pairs if there are several."""
    if "pos" not in axes:
        return {}
    tokens = [_pair_tokens(experiment, pair) for pair in experiment.pairs]
    coordinates: dict[str, Any] = {}
    for run, of_pairs in zip(("clean", "corrupted"), zip(*tokens, strict=True), strict=True):
        single = len(of_pairs) == 1
        coordinates[f"{run}_token"] = (
            ("pos",) if single else ("pair", "pos"),
            of_pairs[0] if single else list(of_pairs),
        )
    return coordinates


def _pair_tokens(experiment: BaseExperiment, pair: Pair) -> tuple[list[str], list[str]]:
    """The clean prompt's tokens, and their counterparts in the corrupted one: ``""`` where there is none."""
    tokenizer = experiment.model.tokenizer
    clean, corrupted = (sequence_strings(tokenizer, ids) for ids in (pair.clean, pair.corrupted))
    counterparts = (pair.counterparts.get(i) for i in range(len(clean)))
    return clean, ["" if j is None else corrupted[j] for j in counterparts]


def _attrs(experiment: BaseExperiment, grid_values: GridValues) -> dict[str, Any]:
    first, stamp = next(iter(experiment.metrics)), stamp_of(experiment.model)
    return grid_values.grid.attrs | {
        "patchwidgets_result": VERSION,
        "component": grid_values.grid.component or "sites",
        "window": grid_values.grid.window,
        "n_positions": len(grid_values.grid.axes.get("pos", ())),
        "direction": experiment.direction,
        "model": stamp.name,
        "weights": stamp.weights,
        "dtype": stamp.dtype,
        "device": experiment.model.device,
        "sources": json.dumps(_sources(grid_values), ensure_ascii=False),
        "task": experiment.task.json_text(),
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "noise_floor": grid_values.noise_floor[first],
        "method": grid_values.method,
        "estimate": grid_values.estimate,
        "medians": json.dumps([name for name, m in experiment.metrics.items() if m.median]),
        "chosen": "" if grid_values.grid.ranking is None else str(grid_values.grid.ranking),
        "routing": "" if grid_values.flips is None else str(grid_values.flips),
        "n_others": _n_others(grid_values),
        "routing_flips": 0 if grid_values.flips is None else grid_values.flips.flips,
    }


def _sources(grid_values: GridValues) -> list[Any]:
    """What the cells write, each source once, as data where it is data: the first `MOST_SOURCES`."""
    patches = (patch for cell in grid_values.grid.cells for patch in cell)
    sources: dict[str, Any] = {}
    for source in {id(patch.source): patch.source for patch in patches}.values():
        data = data_or_text(source)
        sources.setdefault(json.dumps(data), data)
        if len(sources) == MOST_SOURCES:
            break
    return list(sources.values())


def _n_others(grid_values: GridValues) -> int:
    """How many sites were not chosen."""
    ranking = grid_values.grid.ranking
    return 0 if ranking is None else ranking.n_candidates - len(ranking.first_order)


def pair_values(of_metric: "xr.Dataset", prefix: str = "") -> PairValues:
    """One metric of a sweep's dataset, pair by pair; with the prefix ``"sampled_"``, of its sample."""

    def by_pair(name: str) -> Float[np.ndarray, "*axes pair"]:
        return np.asarray(of_metric[prefix + name].transpose(..., "pair").values)

    return PairValues(
        value=by_pair("value"),
        effect=by_pair("effect"),
        clean=np.asarray(of_metric["clean"].values),
        corrupted=np.asarray(of_metric["corrupted"].values),
        noise_floor=float(of_metric["noise_floor"]),
        direction=of_metric.attrs["direction"],
        median=str(of_metric["metric"].item()) in json.loads(of_metric.attrs["medians"]),
    )


def over_pairs(of_metric: "xr.Dataset") -> "xr.Dataset":
    """One metric over all pairs; `SweepResult.over_pairs` documents it."""
    axes, values = of_metric["zero"].dims, pair_values(of_metric)
    centre, spread = (
        {name: (axes, array) for name, array in arrays.items()}
        for arrays in (values.over_pairs(), values.intervals())
    )
    if "draw_effect" in of_metric:
        centre["draw_std"] = (axes, _draw_std(of_metric, values))
    flags = {name: of_metric[name] for name in ("zero", "unpatchable")}
    interval = values.no_interval or "95 %: Student's of effect, Fieller's of recovery"
    return xarrays.dataset(centre | flags).assign(spread).assign_attrs(interval=interval)


def _draw_std(of_metric: "xr.Dataset", values: PairValues) -> Float[np.ndarray, "*axes"]:
    """How much the effect over pairs varies from draw to draw; NaN for cells with one draw."""
    drawn = of_metric[host_name(values.direction)] + of_metric["draw_effect"]
    over_pairs = (
        drawn.median("pair", skipna=False) if values.median else drawn.mean("pair", skipna=False)
    )
    # A cell with fewer draws than others has NaN for the rest.
    return np.asarray(over_pairs.std("draw", ddof=1).transpose(*of_metric["zero"].dims).values)


def site_names(dataset: "xr.Dataset") -> list[str]:
    """The site of every cell as a string, in row-major order; for a window that of the middle layer."""
    axes = {str(axis): dataset[axis].values for axis in dataset["zero"].dims}
    for name in ("site", "edge"):
        if len(axes) == 1 and name in dataset.coords and dataset[name].ndim == 1:
            return [str(each) for each in dataset[name].values]
    fixed = {str(name): each.item() for name, each in dataset.coords.items() if each.ndim == 0}
    component = dataset.attrs["component"]
    return [
        _site_name(
            component, fixed | {axis: axes[axis][i] for axis, i in zip(axes, cell, strict=True)}
        )
        for cell in np.ndindex(*dataset["zero"].shape)
    ]


def _site_name(component: str, at: Mapping[str, Any]) -> str:
    """The site of one cell, from its coordinates."""
    for name in ("site", "edge"):
        if name in at:
            return str(at[name])
    index = next((int(at[unit]) for unit in UNITS if unit in at), None)
    pos = int(at["pos"]) if "pos" in at else str(at["pos_name"]) if "pos_name" in at else None
    layer = int(at["layer"]) if "layer" in at else None
    return str(Site(component, layer, index, pos, kv="kv_head" in at))  # type: ignore[arg-type]
