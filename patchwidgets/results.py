"""The numbers of a sweep with their axes, their tokens and where they come from, over xarray.

Single pairs are always kept; over pairs, effect is a mean and share and recovery are ratios of means.
"""

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from patchwidgets.engine import Swept
from patchwidgets.errors import MetricError, SiteError
from patchwidgets.experiment import Experiment
from patchwidgets.sites import Site
from patchwidgets.tasks import Pair
from patchwidgets.tasks.files import task_text

if TYPE_CHECKING:
    import pandas as pd

QUANTITIES = ("value", "effect", "share", "recovery")
PACKAGES = ("patchwidgets", "torch", "transformers")
Array = NDArray[np.float64]


class SweepResult:
    """What a sweep found.

    Parameters
    ----------
    dataset
        `value`, `effect`, `share` and `recovery` over metric, the swept axes and pair, NaN where undefined or not
        computed; `clean` and `corrupted` over metric and pair; `noise_floor` over metric; over the axes `zero`
        (exactly 0 for certain) and `unpatchable` (on some pair the position has no counterpart in the other prompt).
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @classmethod
    def of(cls, experiment: Experiment, swept: Swept) -> "SweepResult":
        """The result of one grid."""
        return cls(_dataset(experiment, swept))

    @classmethod
    def load(cls, path: str | Path) -> "SweepResult":
        """Read what `save` wrote.

        Raises
        ------
        SiteError
            The file holds something else.
        """
        dataset = xr.load_dataset(path, engine="h5netcdf")
        if "patchwidgets_result" not in dataset.attrs:
            raise SiteError(f"{path} is not a sweep; expected a file that SweepResult.save wrote.")
        return cls(dataset)

    def save(self, path: str | Path) -> None:
        """Write to a netCDF file, which xarray and many other tools read."""
        self._dataset.to_netcdf(path, engine="h5netcdf")

    def to_xarray(self) -> xr.Dataset:
        """A copy of the whole dataset."""
        return self._dataset.copy(deep=True)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of what was swept over."""
        return tuple(str(d) for d in self._dataset["zero"].dims)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics, the experiment's first one first."""
        return tuple(str(name) for name in np.atleast_1d(self._dataset["metric"].values))

    @property
    def attrs(self) -> dict[str, Any]:
        """Where the numbers come from: task, model, dtype, versions, direction, noise floor."""
        return {str(name): value for name, value in self._dataset.attrs.items()}

    value = property(lambda self: self._first("value"), doc="First metric, over pairs.")
    effect = property(lambda self: self._first("effect"), doc="First metric, a mean over pairs.")
    share = property(lambda self: self._first("share"), doc="First metric, a ratio of means.")
    recovery = property(lambda self: self._first("recovery"), doc="First metric, a ratio of means.")

    def over_pairs(self, metric: str | None = None, seed: int = 0, draws: int = 1000) -> xr.Dataset:
        """One metric over all pairs, with the spread between them.

        Parameters
        ----------
        metric
            The first one by default.
        seed, draws
            Of the bootstrap over pairs.

        Returns
        -------
        Dataset
            value, effect (means; medians for a rank), share and recovery (ratios of means) over the axes, and
            `effect_low`, `effect_high`, `recovery_low`, `recovery_high`: the middle 95 % of the bootstrap; NaN for a
            single pair and for a rank.
        """
        of_metric = self._of_metric(metric)
        found = _summary(of_metric, str(self.attrs["direction"]))
        spread = _bootstrap(of_metric, self.axes, seed, draws)
        return found.assign({name: (self.axes, array) for name, array in spread.items()})

    def to_frame(self) -> "pd.DataFrame":
        """One row per metric and cell: its site, its place, value, effect, share, recovery and their spread."""
        import pandas as pd

        frames = []
        for metric in self.metrics:
            cells = self.over_pairs(metric).drop_vars(["zero", "unpatchable"])
            frame = cells.to_dataframe().reset_index()
            frame["metric"], frame["site"] = metric, self.site_names()
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def top_sites(self, k: int = 5, metric: str | None = None) -> list[str]:
        """The `k` sites of largest effect in either direction, as strings for ``exp.patch``."""
        effect = np.abs(self.over_pairs(metric, draws=0)["effect"].values.ravel())
        order = np.argsort(-np.nan_to_num(effect, nan=-1.0), kind="stable")[:k]
        names = self.site_names()
        return [names[i] for i in order if not np.isnan(effect[i])]

    def site_names(self) -> list[str]:
        """Every cell as a site string, in the order of the axes; of a window the middle layer's."""
        cells = np.ndindex(*self._dataset["zero"].shape)
        return [self._site_name(cell) for cell in cells]

    def sel(self, **chosen: Any) -> "SweepResult":
        """A part of the result, by coordinates as in ``s.sel(layer=[3, 4], pos=-1)`` or ``s.sel(metric='kl')``."""
        known = {*self.axes, "metric", "pair"}
        if set(chosen) - known:
            raise SiteError(
                f"Cannot select by {', '.join(sorted(set(chosen) - known))}; this sweep has {', '.join(sorted(known))}."
            )
        keep: dict[str, Any] = {
            name: [value] if name in ("metric", "pair") and np.ndim(value) == 0 else value
            for name, value in chosen.items()
        }
        if isinstance(keep.get("pos"), int) and keep["pos"] < 0:
            keep["pos"] += self._dataset.sizes["pos"]
        return SweepResult(self._dataset.sel(keep))

    def __repr__(self) -> str:
        shape = " × ".join(f"{self._dataset.sizes[axis]} {axis}" for axis in self.axes)
        attrs, pairs = self.attrs, self._dataset.sizes["pair"]
        done = int(self._dataset["effect"].isel(metric=0).notnull().all("pair").sum())
        lone = int(self._dataset["unpatchable"].sum())
        total = self._dataset["zero"].size - lone
        left = f"; {lone} without a counterpart" if lone else ""
        left += "" if done == total else f"; {done} of {total} done"
        return (
            f"SweepResult({attrs['component']} of {attrs['model']!r}: {shape or 'one cell'}, "
            f"{pairs} pair{'s' * (pairs != 1)}, {', '.join(self.metrics)}, {attrs['direction']}"
            f"{left}"
            f"{''.join(f'; {said}' for said in (attrs.get('chosen'), attrs.get('routing')) if said)})"
        )

    def _first(self, quantity: str) -> xr.DataArray:
        return self.over_pairs(draws=0)[quantity]

    def _of_metric(self, metric: str | None) -> xr.Dataset:
        if metric is not None and metric not in self.metrics:
            raise MetricError(
                f"This sweep does not measure {metric!r}; it measures {', '.join(self.metrics)}."
            )
        return self._dataset.sel(metric=self.metrics[0] if metric is None else metric)

    def _site_name(self, cell: tuple[int, ...]) -> str:
        at = {axis: self._dataset[axis].values[i] for axis, i in zip(self.axes, cell, strict=True)}
        at |= {
            str(name): coordinate.item()
            for name, coordinate in self._dataset.coords.items()
            if coordinate.ndim == 0
        }
        if "site" in at:
            return str(at["site"])
        index = next((int(at[unit]) for unit in ("head", "kv_head", "neuron") if unit in at), None)
        pos = int(at["pos"]) if "pos" in at else str(at["pos_name"]) if "pos_name" in at else None
        layer = int(at["layer"]) if "layer" in at else None
        return str(Site(self.attrs["component"], layer, index, pos, kv="kv_head" in at))


def _dataset(experiment: Experiment, swept: Swept) -> xr.Dataset:
    axes, shape = tuple(swept.grid.axes), swept.grid.shape
    names, pairs = list(experiment.metrics), len(experiment.pairs)
    dims = ("metric", *axes, "pair")

    def whole(by_metric: Mapping[str, Array]) -> Array:
        return np.stack([by_metric[name] for name in names]).reshape(len(names), *shape, pairs)

    runs = {
        run: np.stack([experiment.scores.values[run][name] for name in names])
        for run in ("clean", "corrupted")
    }
    floor = np.array([swept.noise_floor[name] for name in names])
    value, effect = whole(swept.values), whole(swept.effects)
    share, recovery = _fractions(value, effect, runs, floor, experiment.direction)
    variables: dict[Hashable, Any] = {
        "value": (dims, value),
        "effect": (dims, effect),
        "share": (dims, share),
        "recovery": (dims, recovery),
        "clean": (("metric", "pair"), runs["clean"]),
        "corrupted": (("metric", "pair"), runs["corrupted"]),
        "noise_floor": (("metric",), floor),
        "zero": (axes, swept.zero.reshape(shape)),
        "unpatchable": (axes, swept.unpatchable.reshape(shape)),
    }
    coordinates = {"metric": names, **swept.grid.axes, "pair": np.arange(pairs)}
    coordinates |= _chosen(swept)
    return xr.Dataset(variables, coordinates | _tokens(experiment, axes), _attrs(experiment, swept))


def _fractions(
    value: Array, effect: Array, runs: Mapping[str, Array], floor: Array, direction: str
) -> tuple[Array, Array]:
    """Share and recovery of single pairs, NaN where the runs are equal to within the noise floor."""
    apart = (len(floor), *(1,) * (value.ndim - 2), value.shape[-1])
    clean, corrupted = runs["clean"].reshape(apart), runs["corrupted"].reshape(apart)
    limit = floor.reshape(len(floor), *(1,) * (value.ndim - 1))
    whole = np.where(np.abs(clean - corrupted) > limit, clean - corrupted, np.nan)
    share = effect / (whole if direction == "denoise" else -whole)
    return share, (value - corrupted) / whole


def _chosen(swept: Swept) -> dict[str, Any]:
    """Of sites that were chosen out of many: where each is, and the first-order effect that it was chosen by."""
    choice = swept.grid.choice
    if choice is None:
        return {}
    return {name: ("site", each) for name, each in choice.cells.items()} | {
        "first_order": ("site", choice.first_order)
    }


def _tokens(experiment: Experiment, axes: tuple[str, ...]) -> dict[str, Any]:
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


def _pair_tokens(experiment: Experiment, pair: Pair) -> tuple[list[str], list[str]]:
    """The clean prompt's tokens, and the corrupted one's at the same places: nothing where there is no counterpart."""
    clean, corrupted = map(experiment.model.token_strings, (pair.clean, pair.corrupted))
    there = (pair.counterparts.get(i) for i in range(len(clean)))
    return clean, ["" if j is None else corrupted[j] for j in there]


def _attrs(experiment: Experiment, swept: Swept) -> dict[str, Any]:
    from importlib.metadata import version

    first = next(iter(experiment.metrics))
    return {
        "patchwidgets_result": 1,
        "component": swept.grid.component or "sites",
        "window": swept.grid.window,
        "direction": experiment.direction,
        "model": experiment.model.name,
        "dtype": experiment.model.dtype,
        "device": experiment.model.device,
        "task": task_text(experiment.task),
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "noise_floor": swept.noise_floor[first],
        "method": swept.method,
        "medians": json.dumps([name for name, m in experiment.metrics.items() if m.median]),
        "chosen": "" if swept.grid.choice is None else str(swept.grid.choice),
        "routing": "" if swept.flips is None else str(swept.flips),
        "routing_flips": 0 if swept.flips is None else swept.flips.flips,
    }


def _summary(of_metric: xr.Dataset, direction: str) -> xr.Dataset:
    """Over pairs: means (medians for a rank) and ratios of means."""
    medians = json.loads(of_metric.attrs["medians"])
    centre = xr.Dataset.median if str(of_metric["metric"].item()) in medians else xr.Dataset.mean
    means = centre(of_metric[["value", "clean", "corrupted"]], "pair", skipna=False)
    effect = centre(of_metric[["effect"]], "pair", skipna=False)["effect"]
    host = means["corrupted"] if direction == "denoise" else means["clean"]
    if centre is xr.Dataset.median:
        effect = means["value"] - host
    whole = means["clean"] - means["corrupted"]
    whole = whole.where(np.abs(whole) > of_metric["noise_floor"])
    return xr.Dataset(
        {
            "value": means["value"],
            "effect": effect,
            "share": effect / (whole if direction == "denoise" else -whole),
            "recovery": (means["value"] - means["corrupted"]) / whole,
            "zero": of_metric["zero"],
            "unpatchable": of_metric["unpatchable"],
        }
    )


def _bootstrap(
    of_metric: xr.Dataset, axes: tuple[str, ...], seed: int, draws: int
) -> dict[str, Array]:
    """The middle 95 % over resampled pairs, of the mean effect and of the ratio of means."""
    pairs, shape = of_metric.sizes["pair"], of_metric["zero"].shape
    names = ("effect_low", "effect_high", "recovery_low", "recovery_high")
    medians = json.loads(of_metric.attrs["medians"])
    if draws == 0 or pairs == 1 or str(of_metric["metric"].item()) in medians:
        return {name: np.full(shape, np.nan) for name in names}
    chosen = np.random.default_rng(seed).integers(0, pairs, (draws, pairs))
    weights = np.stack([np.bincount(row, minlength=pairs) for row in chosen]) / pairs
    cells = {
        name: of_metric[name].transpose(*axes, "pair").values.reshape(-1, pairs)
        for name in ("value", "effect")
    }
    clean, corrupted = weights @ of_metric["clean"].values, weights @ of_metric["corrupted"].values
    whole = np.where(
        np.abs(clean - corrupted) > float(of_metric["noise_floor"]), clean - corrupted, np.nan
    )
    bounds = []
    for value, effect in zip(cells["value"], cells["effect"], strict=True):
        bounds.append(_middle(weights @ effect) + _middle((weights @ value - corrupted) / whole))
    columns = np.array(bounds).reshape(-1, 4).T
    return {name: column.reshape(shape) for name, column in zip(names, columns, strict=True)}


def _middle(drawn: Array) -> tuple[float, float]:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)
