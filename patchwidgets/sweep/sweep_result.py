"""The numbers of a sweep with their axes, their tokens and where they come from, over xarray.

Single pairs are always kept; over pairs, effect is a mean and share and recovery are ratios of means.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import MetricError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.storage import write_file
from patchwidgets.sweep.dataset import over_pairs, select, site_names, sweep_dataset
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.in_words import in_words
from patchwidgets.sweep.missed import Missed, missed_of

_LOG = logging.getLogger(__name__)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class SweepResult:
    """The numbers of a sweep, from `Experiment.sweep`.

    Parameters
    ----------
    dataset
        Over metric, the swept axes and pair: `value`, `effect`, `share` and `recovery`, NaN where undefined or not
        computed. Over metric and pair: `clean` and `corrupted`. Over metric: `noise_floor`. Over the axes: `zero`
        (certainly exactly 0) and `unpatchable` (the position has no counterpart on some pair). With `top`, over metric,
        sampled and pair: `sampled_value` and `sampled_effect` of sites that were not chosen; `missed` reads them.

    Attributes
    ----------
    value, effect, share, recovery
        The first metric over pairs, as arrays over the axes. Other metrics: ``result.over_pairs("kl")``.
    axes
        The names of the axes, as ``("layer", "head")``.
    metrics
        The names of the metrics, the experiment's first one first.
    attrs
        Where the numbers come from: component, task, model, dtype, versions, direction, noise floor and more.

    Examples
    --------
    >>> s = exp.sweep("z", progress=False)
    >>> s
    SweepResult(z of 'teaching model': 4 layer × 4 head, 1 pair, logit_diff, denoise)
    >>> s.recovery.values[0].round(2)
    array([0.  , 0.99, 0.  , 0.  ])
    """

    def __init__(self, dataset: "xr.Dataset") -> None:
        self._dataset = dataset

    @classmethod
    def of(
        cls, experiment: BaseExperiment, grid_values: GridValues, sample: GridValues | None = None
    ) -> "SweepResult":
        """The result of one grid, with a sample of the sites that were not chosen."""
        return cls(sweep_dataset(experiment, grid_values, sample))

    @classmethod
    def load(cls, path: str | Path, max_bytes: int = 2**32) -> "SweepResult":
        """Read a result from a file that `save` wrote. It takes up to twice the size of the file in memory.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, holds no sweep, or is of a later version.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     exp.sweep("z", progress=False).save(f"{folder}/heads.nc")
        ...     pw.SweepResult.load(f"{folder}/heads.nc").top_sites(1)
        ['L0.H1']
        """
        from patchwidgets.sweep.saved import read_sweep

        return cls(read_sweep(path, max_bytes))

    def save(self, path: str | Path) -> None:
        """Write the result to a netCDF file, which xarray and many other tools read; `load` has an example.

        The file appears whole or not at all: an earlier file of this name stays until the new one is on the disk.

        Raises
        ------
        FileError
            The disk is full, the place cannot be written, or the result has something that no sweep has.
        """
        from patchwidgets.sweep.saved import to_bytes

        write_file(path, to_bytes(self._dataset))

    def to_xarray(self) -> "xr.Dataset":
        """A copy of the whole dataset.

        Examples
        --------
        >>> dict(exp.sweep("z", progress=False).to_xarray().sizes)
        {'metric': 1, 'layer': 4, 'head': 4, 'pair': 1}
        """
        return self._dataset.copy(deep=True)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes that were swept over."""
        return tuple(str(d) for d in self._dataset["zero"].dims)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics, the experiment's first one first."""
        return tuple(str(name) for name in np.atleast_1d(self._dataset["metric"].values))

    @property
    def attrs(self) -> dict[str, Any]:
        """Where the numbers come from: component, task, model, dtype, versions, direction, noise floor and more."""
        return {str(name): value for name, value in self._dataset.attrs.items()}

    @property
    def value(self) -> "xr.DataArray":
        """The first metric of the patched runs: the mean over pairs (for a rank, the median)."""
        return self._first("value")

    @property
    def effect(self) -> "xr.DataArray":
        """metric(patched) − metric(host) of the first metric: the mean over pairs."""
        return self._first("effect")

    @property
    def share(self) -> "xr.DataArray":
        """effect / (metric(source) − metric(host)) of the first metric: a ratio of means; NaN where undefined."""
        return self._first("share")

    @property
    def recovery(self) -> "xr.DataArray":
        """Where the first metric lies between the corrupted run, 0, and the clean run, 1: a ratio of means, or NaN."""
        return self._first("recovery")

    def over_pairs(self, metric: str | None = None) -> "xr.Dataset":
        """One metric over all pairs, with its spread between pairs.

        Parameters
        ----------
        metric
            Its name; the first one by default.

        Returns
        -------
        Dataset
            Over the axes: `value` and `effect` (means; for a rank, of medians), `share` and `recovery` (ratios of
            means), and `effect_low`, `effect_high`, `recovery_low`, `recovery_high`: intervals of 95 %, Student's of
            effect and Fieller's of recovery. They are NaN for a rank and with fewer than five pairs, as the attribute
            ``interval`` says; those of `recovery` also where the mean difference of clean and corrupted may be 0.

        Raises
        ------
        MetricError
            The sweep does not measure it.

        Examples
        --------
        >>> both = exp.measuring(["logit_diff", "answer_prob"]).sweep("z", progress=False)
        >>> round(float(both.over_pairs("answer_prob")["effect"].sel(layer=0, head=1)), 3)
        0.995
        """
        return over_pairs(self._of_metric(metric))

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each metric and cell: its coordinates and site, and the variables of `over_pairs`.

        Examples
        --------
        >>> frame = exp.sweep("z", progress=False).to_frame()
        >>> frame.nlargest(2, "effect")[["site", "layer", "head"]]
            site  layer  head
        1  L0.H1      0     1
        5  L1.H1      1     1
        """
        with Uninterrupted():
            import pandas as pd

        frames = []
        for metric in self.metrics:
            cells = self.over_pairs(metric).drop_vars(["zero", "unpatchable"])
            frame = cells.to_dataframe().reset_index()
            frame["metric"], frame["site"] = metric, self.site_names()
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def top_sites(self, k: int = 5, metric: str | None = None) -> list[str]:
        """The `k` sites with the largest effect, positive or negative, as strings for ``exp.patch``.

        Parameters
        ----------
        k
            How many sites.
        metric
            The metric of the effect; the first one by default.

        Raises
        ------
        MetricError
            The sweep does not measure it.

        Examples
        --------
        >>> exp.sweep("z", progress=False).top_sites(2)
        ['L0.H1', 'L1.H1']
        """
        effect = np.abs(self.over_pairs(metric)["effect"].values.ravel())
        order = np.argsort(-np.nan_to_num(effect, nan=-1.0), kind="stable")[:k]
        names = self.site_names()
        if "sampled" in self._dataset.sizes and (says := self.missed(k, metric).warning):
            _LOG.warning("%s", says)
        return [names[i] for i in order if not np.isnan(effect[i])]

    def missed(self, k: int = 5, metric: str | None = None) -> Missed:
        """What `top` may have missed of the `k` largest sites, from an exact sample of others; `top_sites` warns of it.

        Parameters
        ----------
        k, metric
            As for `top_sites`.

        Raises
        ------
        MetricError, SiteError
            The sweep does not measure it; the file is of an earlier version, which drew no sample.

        Examples
        --------
        >>> exp.sweep("neuron", top=100, progress=False).missed(k=5).larger
        ()
        """
        chosen = self.over_pairs(metric)["effect"].values.ravel()
        return missed_of(self._of_metric(metric), k, chosen)

    def site_names(self) -> list[str]:
        """The site of every cell as a string, in row-major order; for a window that of the middle layer.

        Examples
        --------
        >>> exp.sweep("z", progress=False).site_names()[:2]
        ['L0.H0', 'L0.H1']
        """
        return site_names(self._dataset)

    def sel(self, **chosen: Any) -> "SweepResult":
        """A part of the result, chosen by coordinates as in xarray: ``s.sel(layer=[3, 4], pos=-1)``.

        Parameters
        ----------
        **chosen
            For an axis, ``metric`` or ``pair``, one coordinate or a list. A negative ``pos`` counts from the end of the
            prompts.

        Raises
        ------
        SiteError
            Something that this sweep does not run over, or a coordinate that it does not have.

        Examples
        --------
        >>> exp.sweep("z", progress=False).sel(layer=1)
        SweepResult(z of 'teaching model': 4 head, 1 pair, logit_diff, denoise)
        """
        return SweepResult(select(self._dataset, chosen))

    def __repr__(self) -> str:
        return f"SweepResult({in_words(self._dataset)})"

    def _first(self, quantity: str) -> "xr.DataArray":
        return self.over_pairs()[quantity]

    def _of_metric(self, metric: str | None) -> "xr.Dataset":
        if metric is not None and metric not in self.metrics:
            raise MetricError(
                f"This sweep does not measure {metric!r}; it measures {', '.join(self.metrics)}. "
                "Sweep again with exp.measuring([...])."
            )
        return self._dataset.sel(metric=self.metrics[0] if metric is None else metric)
