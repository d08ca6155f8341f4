"""What a sweep measured: every quantity of every metric over its axes, pair by pair and over pairs. Over xarray."""

from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import MetricError
from patchwidgets.files.envelope import Stamp
from patchwidgets.sweep.dataset import over_pairs

if TYPE_CHECKING:
    import xarray as xr


class Quantities:
    """The numbers of a sweep; `SweepResult` documents them."""

    def __init__(self, dataset: "xr.Dataset") -> None:
        self._dataset = dataset

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
        """Where the numbers come from: component, task, model, its weights' fingerprint, dtype, versions and more."""
        return {str(name): value for name, value in self._dataset.attrs.items()}

    @property
    def stamp(self) -> Stamp:
        """Of which model the numbers are; without a fingerprint in files of earlier versions."""
        attrs = self._dataset.attrs
        return Stamp(*(str(attrs.get(name, "")) for name in ("model", "weights", "dtype")))

    @property
    def approximate(self) -> bool:
        """Whether the effects are estimates, as those of `Experiment.estimate`; ``attrs["estimate"]`` says by what."""
        return bool(self._dataset.attrs.get("estimate"))

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

    def _first(self, quantity: str) -> "xr.DataArray":
        return self.over_pairs()[quantity]

    def _of_metric(self, metric: str | None) -> "xr.Dataset":
        if metric is not None and metric not in self.metrics:
            raise MetricError(
                f"This sweep does not measure {metric!r}; it measures {', '.join(self.metrics)}. "
                "Sweep again with exp.measuring([...])."
            )
        return self._dataset.sel(metric=self.metrics[0] if metric is None else metric)
