"""What a sweep measured: every quantity of every metric over its axes, pair by pair and over pairs. Over xarray."""

from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import MetricError
from patchwidgets.files.envelope import Stamp
from patchwidgets.guesses.answering import Answering
from patchwidgets.guesses.attributes import SWEEP_RESULT
from patchwidgets.sweep.dataset import over_pairs
from patchwidgets.sweep.in_words import within_noise

if TYPE_CHECKING:
    import xarray as xr


QUANTITIES = ("value", "effect", "share", "recovery")


class Quantities(Answering):
    """The numbers of a sweep; `SweepResult` documents them."""

    advice = SWEEP_RESULT

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
    def shape(self) -> tuple[int, ...]:
        """How many places there are along each of the axes.

        Examples
        --------
        >>> exp.sweep("z", progress=False).shape
        (4, 4)
        """
        return tuple(self._dataset["zero"].shape)

    def __len__(self) -> int:
        """Return the number of cells, each of one site or of several joint ones."""
        return int(self._dataset["zero"].size)

    def __getitem__(self, quantity: str) -> "xr.DataArray":
        """Return one quantity of the first metric over the axes: any variable of `over_pairs`.

        Raises
        ------
        MetricError
            There is no such quantity.

        Examples
        --------
        >>> s = exp.sweep("z", progress=False)
        >>> bool((s["recovery"] == s.recovery).all()), s["effect_low"].shape
        (True, (4, 4))
        """
        of_first = self.over_pairs()
        if not isinstance(quantity, str) or quantity not in of_first.data_vars:
            raise MetricError(
                f"A sweep is asked for a quantity, as in s['effect']; got {quantity!r}. {self._instead(quantity)}"
            )
        return of_first[quantity]

    def _instead(self, asked: object) -> str:
        """What to write for what is no quantity: a metric, a site, an index."""
        if asked in self.metrics:
            return f"Another metric is s.over_pairs({asked!r})."
        if isinstance(asked, str) and asked in self._dataset.coords:
            return f"Coordinates are in s.to_xarray()[{asked!r}]."
        if isinstance(asked, str):
            named = ", ".join(map(str, self.over_pairs().data_vars))
            return f"There are {named}. One site is a row of s.to_frame(), or s.sel(layer=0)."
        return "By index it is s.isel(layer=0), by coordinate s.sel(layer=0), and s.effect.values is a plain array."

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

    def _other_metric(self, asked: str) -> str:
        if asked in QUANTITIES:
            return f"That is a quantity: s[{asked!r}], or quantity={asked!r} in a figure."
        return "Sweep again with exp.measuring([...])."

    def _of_metric(self, metric: str | None) -> "xr.Dataset":
        if metric is not None and metric not in self.metrics:
            raise MetricError(
                f"This sweep does not measure {metric!r}; it measures {', '.join(self.metrics)}. "
                f"{self._other_metric(metric)}"
            )
        return self._dataset.sel(metric=self.metrics[0] if metric is None else metric)

    def within_noise(self, metric: str | None = None) -> "xr.DataArray":
        """Which effects, over the axes, are not 0 but no larger than the noise floor: rounding may have made them.

        The floor, `attrs` and the dataset have it, is measured when the experiment is made: how far each metric moves
        when the unpatched prompts run in other batches, in the dtype of the model. It is that of one pair; a mean over
        many pairs may be surer.

        Parameters
        ----------
        metric
            The metric of the effect; the first one by default.

        Raises
        ------
        MetricError
            The sweep does not measure it.

        Examples
        --------
        >>> bool(exp.sweep("z", progress=False).within_noise().sel(layer=0, head=1))
        False
        """
        return within_noise(self.over_pairs(metric)["effect"], self._noise_floor(metric))

    def _noise_floor(self, metric: str | None) -> float:
        return float(self._dataset["noise_floor"].sel(metric=metric or self.metrics[0]))
