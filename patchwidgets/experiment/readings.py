"""Every metric of one changed run beside the unpatched runs, with the first one in front. Costs nothing."""

from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from jaxtyping import Float

from patchwidgets.directions import Direction
from patchwidgets.errors import MetricError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reading import PerPair, Reading
from patchwidgets.guesses.answering import Answering
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.html import Shown
from patchwidgets.tasks import Task

if TYPE_CHECKING:
    import pandas as pd


R = TypeVar("R")


class ByMetric(Generic[R]):
    """What was read of each metric, with the experiment's first one in front.

    Attributes
    ----------
    readings
        By the name of the metric, in the experiment's order.
    """

    def __init__(self, readings: dict[str, R]) -> None:
        self.readings = readings

    def __getitem__(self, metric: str) -> R:
        if metric not in self.readings:
            raise MetricError(
                f"This experiment does not measure {metric!r}; it measures {', '.join(self.readings)}. "
                "Add it with exp.measuring([...])."
            )
        return self.readings[metric]

    @property
    def _first(self) -> R:
        return next(iter(self.readings.values()))


class Numbers(ByMetric[Reading], Shown, Answering):
    """The metrics of one changed run, whether or not its experiment is in memory; `PatchResult` documents them.

    Attributes
    ----------
    readings
        Every metric as a `Reading`, by name, in the experiment's order.
    note
        What was written about it in the history of an explorer.
    """

    note: str = ""

    @property
    def direction(self) -> Direction:
        """Which run was changed: ``"denoise"`` changes the corrupted one, ``"noise"`` the clean one."""
        return self._first.direction

    @property
    def value(self) -> float:
        """metric(patched) of the first metric: the mean over pairs (for a rank, the median)."""
        return self._first.value

    @property
    def effect(self) -> float:
        """metric(patched) − metric(host) of the first metric, over pairs."""
        return self._first.effect

    @property
    def share(self) -> float:
        """effect / (metric(source) − metric(host)): 0 is no effect, 1 all the way to the source; NaN if undefined."""
        return self._first.share

    @property
    def recovery(self) -> float:
        """Where the first metric lies between the corrupted run, 0, and the clean run, 1; NaN where undefined."""
        return self._first.recovery

    @property
    def reason(self) -> str | None:
        """Why share and recovery are undefined, or None where they are defined."""
        return self._first.reason

    @property
    def per_pair(self) -> PerPair:
        """value, effect, share and recovery of the first metric for single pairs."""
        return self._first.per_pair

    @property
    def draws(self) -> Float[np.ndarray, "draw pair"]:
        """metric(patched) of the first metric in each draw; of what is not drawn at random, one row."""
        return self._first.draws

    @property
    def spread(self) -> float:
        """The standard deviation over draws of the effect of the first metric over pairs; NaN for one draw."""
        return self._first.spread

    @property
    def in_words(self) -> str:
        """The first metric, in one line."""
        reading = self._first
        recovery = "undefined" if np.isnan(reading.recovery) else f"{reading.recovery:.3f}"
        n_draws = len(reading.draws)
        drawn = f" (sd {reading.spread:.3f} of {n_draws} draws)" if n_draws > 1 else ""
        noise = f" (within the noise floor of {reading.noise_floor:.2g})" * reading.within_noise
        return (
            f"{self.direction}: {reading.metric.label} {reading.value:+.3f}, "
            f"effect {reading.effect:+.3f}{drawn}{noise}, recovery {recovery}"
        )

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each metric: value, effect, share, recovery.

        Examples
        --------
        >>> exp.patch("L0.H1").to_frame().round(2)
                    value  effect  share  recovery
        metric
        logit_diff   6.49   12.64   0.99      0.99
        """
        with Uninterrupted():
            import pandas as pd

        columns = ("value", "effect", "share", "recovery")
        rows = {
            name: [getattr(reading, column) for column in columns]
            for name, reading in self.readings.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns)).rename_axis(
            "metric"
        )


class Readings(Numbers):
    """The metrics of one changed run, with the experiment in which it was changed."""

    def __init__(self, experiment: BaseExperiment, readings: dict[str, Reading]) -> None:
        super().__init__(readings)
        self.experiment = experiment

    @property
    def task(self) -> Task:
        """The task whose prompts ran."""
        return self.experiment.task
