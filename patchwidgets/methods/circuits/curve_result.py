"""The numbers of a faithfulness curve: by fraction, over pairs and pair by pair, with the areas CPR and CMD."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.arrays import NDArray
from patchwidgets.experiment.readings import ByMetric
from patchwidgets.files.envelope import Opened, Stamp, read_as, write
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.html import Shown
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.circuit_result import PairValues, reason, rest_in_words
from patchwidgets.methods.circuits.members import By
from patchwidgets.metrics import Metric
from patchwidgets.recovery import recovery
from patchwidgets.sites import Source

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.05, 0.5, 0.95)
"""Of random circuits: the lower end, the middle and the upper end of their band."""


def area_under(
    fractions: Sequence[float], heights: Float[NDArray[np.float64], "*n fraction"]
) -> Float[NDArray[np.float64], "*n"]:
    """Return the area under heights over fractions, by trapezoids from the first fraction to the last.

    Examples
    --------
    >>> import numpy as np
    >>> from patchwidgets.methods.circuits.curve_result import area_under
    >>> float(area_under([0.0, 0.5, 1.0], np.array([0.0, 1.0, 1.0])))
    0.75
    """
    widths = np.diff(np.asarray(fractions, dtype=np.float64))
    area: Float[NDArray[np.float64], "*n"] = ((heights[..., :-1] + heights[..., 1:]) / 2) @ widths
    return area


@dataclass(frozen=True, eq=False)
class CurveReading:
    """One metric of a curve: ``curve["kl"]``.

    Attributes
    ----------
    metric
        Its name, label and unit, and whether its value over pairs is their mean or their median.
    fractions
        Which part of what has a score is kept.
    model, nothing
        The metric of the whole model, and where everything that has a score is ablated.
    circuits, random
        The metric of the circuits with the largest scores, and of random ones.
    noise_floor
        In the unit of the metric.
    """

    metric: Metric
    fractions: tuple[float, ...]
    model: PairValues
    nothing: PairValues
    circuits: Float[NDArray[np.float64], "fraction pair"]
    random: Float[NDArray[np.float64], "fraction draw pair"]
    noise_floor: float

    @property
    def faithfulness(self) -> Float[NDArray[np.float64], "fraction"]:
        """(m(circuit) − m(nothing)) / (m(model) − m(nothing)), ratios of means; NaN where undefined."""
        return self._fractions(self.circuits)

    @property
    def per_pair(self) -> Float[NDArray[np.float64], "fraction pair"]:
        """The same for single pairs."""
        return recovery(self.circuits, self.model, self.nothing, self.noise_floor)

    @property
    def random_faithfulness(self) -> Float[NDArray[np.float64], "fraction draw"]:
        """The same of random circuits."""
        return self._fractions(self.random)

    def _fractions(
        self, values: Float[NDArray[np.float64], "*n pair"]
    ) -> Float[NDArray[np.float64], "*n"]:
        means = np.apply_along_axis(self.metric.mean, -1, values) if values.size else values[..., 0]
        ends = (self.metric.mean(self.model), self.metric.mean(self.nothing))
        return recovery(means, *ends, self.noise_floor)

    @property
    def band(self) -> Float[NDArray[np.float64], "quantile fraction"]:
        """Quantiles of 5, 50 and 95 % of the faithfulness of random circuits; NaN without any."""
        if not self.random.shape[1]:
            return np.full((len(QUANTILES), len(self.fractions)), np.nan)
        return np.quantile(self.random_faithfulness, QUANTILES, axis=-1)

    @property
    def cpr(self) -> float:
        """The area under the faithfulness, from the first fraction to the last; over (0.5, 1) a curve of 1 has 0.5."""
        return float(area_under(self.fractions, self.faithfulness))

    @property
    def cmd(self) -> float:
        """The area between the faithfulness and 1, of |1 − faithfulness|, over the same fractions."""
        return float(area_under(self.fractions, np.abs(1 - self.faithfulness)))

    @property
    def random_cpr(self) -> Float[NDArray[np.float64], "draw"]:
        """The area under the faithfulness of each random draw, taken over the fractions."""
        return area_under(self.fractions, self.random_faithfulness.T)

    @property
    def reason(self) -> str | None:
        """Why faithfulness is undefined, or None where it is defined."""
        return reason(self.metric, self.model, self.nothing, self.noise_floor)


class FaithfulnessCurve(ByMetric[CurveReading], Shown):
    """Faithfulness over the part that is kept, from `Experiment.faithfulness_curve`.

    Attributes
    ----------
    readings
        Every metric as a `CurveReading`, by name, in the experiment's order.
    circuits
        The circuit at each fraction, pruned if it was asked for.
    n_kept
        How many members each circuit had before it was pruned.
    n_scored
        How many nodes or edges have a score.
    ablation, by
        What the rest got, and what counted as a large score. From a file, a `Run` or a tensor is None.
    stamp
        Of which model the numbers are.

    Examples
    --------
    >>> curve = exp.faithfulness_curve(exp.sweep("z", progress=False), (0.1, 0.5, 1), n_random=3, progress=False)
    >>> curve
    FaithfulnessCurve(16 nodes, the rest corrupted: logit diff, CPR ..., CMD ... over fractions 0.1 to 1)
    >>> curve.circuits[0], curve.n_kept
    (Circuit(1 node: L0.H1), [1, 8, 16])
    """

    def __init__(
        self,
        readings: dict[str, CurveReading],
        circuits: Sequence[Circuit],
        n_kept: Sequence[int],
        n_scored: int,
        ablation: Source,
        by: By,
        stamp: Stamp | None = None,
    ) -> None:
        super().__init__(readings)
        self.circuits = tuple(circuits)
        self.n_kept = list(n_kept)
        self.n_scored = n_scored
        self.ablation, self.by, self.stamp = ablation, by, stamp

    def save(self, path: str | Path) -> None:
        """Write the curve with its circuits to a JSON file; whole or not at all.

        Raises
        ------
        FileError
            The disk is full, or the place cannot be written.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> curve = exp.faithfulness_curve(exp.sweep("z", progress=False), (0.1, 1), n_random=3, progress=False)
        >>> with TemporaryDirectory() as folder:
        ...     curve.save(f"{folder}/curve.json")
        ...     pw.open(f"{folder}/curve.json").to_frame().equals(curve.to_frame())
        True
        """
        with Uninterrupted():
            from patchwidgets.methods.circuits.saved import curve_data

        rest = {"n_kept": self.n_kept, "n_scored": self.n_scored, "by": self.by}
        rest |= {"fractions": list(self.fractions), "n_random": self._first.random.shape[1]}
        data = curve_data(self.circuits, self.ablation, self.readings.values(), **rest)
        write(path, "faithfulness curve", data, self.stamp)

    @classmethod
    def load(cls, path: str | Path, max_bytes: int | None = None) -> "FaithfulnessCurve":
        """Read a curve that `save` wrote, which has an example.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read; 64 MiB by default.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, holds something else, or is of a later version.
        """
        return read_as(path, "faithfulness curve", cls.of_file, max_bytes)

    @classmethod
    def of_file(cls, opened: Opened) -> "FaithfulnessCurve":
        """Return what was read from a file, as `load`."""
        with Uninterrupted():
            from patchwidgets.methods.circuits.saved import CurveSchema, ablation_of

        with opened.decoding():
            data = CurveSchema.model_validate(opened.content)
            data.check()
            fractions = tuple(data.fractions)
            readings = {
                name: CurveReading(metric, fractions, **arrays, noise_floor=noise_floor)
                for name, (metric, arrays, noise_floor) in data.of_metrics.items()
            }
            circuits = [Circuit(members, scores) for members, scores in data.parts]
            ablation = ablation_of(data.ablation)
            sizes = data.n_kept, data.n_scored
            return cls(readings, circuits, *sizes, ablation, data.by, opened.stamp)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Which part of what has a score is kept."""
        return self._first.fractions

    @property
    def faithfulness(self) -> Float[NDArray[np.float64], "fraction"]:
        """Of the first metric, over pairs; NaN where undefined."""
        return self._first.faithfulness

    @property
    def cpr(self) -> float:
        """The area under the faithfulness of the first metric, from the first fraction to the last."""
        return self._first.cpr

    @property
    def cmd(self) -> float:
        """The area between the faithfulness of the first metric and 1, over the same fractions."""
        return self._first.cmd

    @property
    def reason(self) -> str | None:
        """Why faithfulness is undefined, or None where it is defined."""
        return self._first.reason

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each metric and fraction.

        Returns
        -------
        DataFrame
            ``metric``, ``fraction``, ``n`` (members kept), ``n_pruned`` (members left after pruning), ``faithfulness``,
            and ``random_low``, ``random_median``, ``random_high``: quantiles of 5, 50 and 95 % of random circuits.

        Examples
        --------
        >>> curve = exp.faithfulness_curve(exp.sweep("z", progress=False), (0.1, 1), n_random=3, progress=False)
        >>> curve.to_frame()[["fraction", "n", "n_pruned"]]
           fraction   n  n_pruned
        0       0.1   1         1
        1       1.0  16        16
        """
        with Uninterrupted():
            import pandas as pd

        frames = []
        for name, reading in self.readings.items():
            low, median, high = reading.band
            columns = {
                "metric": name,
                "fraction": reading.fractions,
                "n": self.n_kept,
                "n_pruned": [len(circuit) for circuit in self.circuits],
                "faithfulness": reading.faithfulness,
                "random_low": low,
                "random_median": median,
                "random_high": high,
            }
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def __repr__(self) -> str:
        first = self._first
        rest = rest_in_words(self.ablation)
        kind = self.circuits[-1].kind or "members"
        span = f"{self.fractions[0]:g} to {self.fractions[-1]:g}"
        return (
            f"FaithfulnessCurve({self.n_scored} {kind}, the rest {rest}: {first.metric.label}, "
            f"CPR {first.cpr:.3f}, CMD {first.cmd:.3f} over fractions {span})"
        )
