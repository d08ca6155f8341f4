"""The numbers of a sweep with their axes, their tokens and where they come from, over xarray.

Single pairs are always kept; over pairs, effect is a mean and share and recovery are ratios of means.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from patchwidgets.errors import MetricError, SiteError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sites import Site
from patchwidgets.sweep.dataset import sweep_dataset
from patchwidgets.sweep.over_pairs import Floats, PairValues
from patchwidgets.sweep.progress import GridValues

if TYPE_CHECKING:
    import pandas as pd


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
    def of(cls, experiment: BaseExperiment, grid_values: GridValues) -> "SweepResult":
        """The result of one grid."""
        return cls(sweep_dataset(experiment, grid_values))

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

    @property
    def value(self) -> xr.DataArray:
        """The first metric of the patched runs over the axes, a mean over pairs (the median for a rank)."""
        return self._first("value")

    @property
    def effect(self) -> xr.DataArray:
        """metric(patched) − metric(host) of the first metric over the axes, a mean over pairs."""
        return self._first("effect")

    @property
    def share(self) -> xr.DataArray:
        """The first metric's effect as a part of the way to the source, a ratio of means; NaN where undefined."""
        return self._first("share")

    @property
    def recovery(self) -> xr.DataArray:
        """Of the first metric, 0 the corrupted run and 1 the clean one, a ratio of means; NaN where undefined."""
        return self._first("recovery")

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
        values = self._pair_values(of_metric)
        found, spread = (
            {name: (self.axes, array) for name, array in arrays.items()}
            for arrays in (values.over_pairs(), values.bootstrap(seed, draws))
        )
        kinds = {name: of_metric[name] for name in ("zero", "unpatchable")}
        return xr.Dataset(found | kinds).assign(spread)

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

    def _pair_values(self, of_metric: xr.Dataset) -> PairValues:
        def by_pair(name: str) -> Floats:
            return np.asarray(of_metric[name].transpose(..., "pair").values)

        return PairValues(
            value=by_pair("value"),
            effect=by_pair("effect"),
            clean=by_pair("clean"),
            corrupted=by_pair("corrupted"),
            noise_floor=float(of_metric["noise_floor"]),
            direction=self.attrs["direction"],
            median=str(of_metric["metric"].item()) in json.loads(self.attrs["medians"]),
        )

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
